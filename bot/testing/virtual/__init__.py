"""Whole calls in virtual time.

No event loop and no socket. Start at `scheduler`.
"""
