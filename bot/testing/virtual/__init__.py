"""Whole calls in virtual time, and the oracle for client events.

No event loop and no socket is used. Start at `scheduler`.
"""
