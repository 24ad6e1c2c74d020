"""The state of one Realtime session, in one object (`session_state`), and the change to another.

Nothing that outlives a lost session, but `failover`. `response_gate` for requests, `turn_ownership` for who answers.
"""
