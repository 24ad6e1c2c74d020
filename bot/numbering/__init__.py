"""Telephone numbers that the bot may ring or text: their kinds, the hours where they are, the operator's lists.

No socket, store or clock: the time is given. Start at `dial_rules`.
"""
