"""The shapes a simulated session takes and gives, and what it refuses.

No time. Start at `client_events` and `server_events`.
"""
