"""Responses of a simulated session: made, paced, cut, billed.

Nothing about hearing. Start at `active_response`.
"""
