"""State that the parts of a simulated session share: its clockwork, its behaviour, what it knows.

No shape of an event is here. Start at `simulated_state`.
"""
