"""The simulated phone: what the caller says and does, and what the phone plays.

No socket. Start at `phone`.
"""
