"""A simulated call over real sockets, as Twilio goes about it.

No simulated session. Start at `dial`.
"""
