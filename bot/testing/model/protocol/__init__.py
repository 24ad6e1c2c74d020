"""The shapes of the events that a simulated session takes, gives and refuses.

Nothing here knows the time. Start at `client_events` and `server_events`.
"""
