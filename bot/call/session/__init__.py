"""What belongs to one Realtime session, and the change to another.

Nothing that outlives a lost session, but `failover`. `response_gate` for requests, `turn_ownership` for who answers.
"""
