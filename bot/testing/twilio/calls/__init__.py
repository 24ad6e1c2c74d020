"""Calls of the simulated Twilio: the people at their ends, what those hear, and how a call begins and ends.

No TwiML is followed here. Start at `simulated_call`, then `network`.
"""
