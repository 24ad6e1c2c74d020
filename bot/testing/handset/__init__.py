"""The simulated phone: what the caller says and does, and what the phone plays.

Nothing here opens a socket or reads a clock. Start at `phone`.
"""
