"""State that the parts of a simulated session share: its clockwork, its behaviour, what it knows.

No event of the wire. Start at `session_state`.
"""
