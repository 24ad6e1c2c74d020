"""Responses of a simulated session: made, paced, cut, billed.

Nothing here knows the caller's audio. Start at `active_response`.
"""
