"""Questions to the call store as people type them, and the store opened for a command.

Nothing here prints. Start at `call_query`.
"""
