"""Questions to the call store as people type them, and the store opened for a command.

No output. Start at `call_query`.
"""
