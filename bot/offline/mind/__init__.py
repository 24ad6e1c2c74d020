"""The mind of the offline agent: a script without chance. The same words bring the same answer.

Nothing here hears, speaks, or knows an event of the wire. Start at `agent_script`.
"""
