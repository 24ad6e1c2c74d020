"""The Realtime session's side: its events, its settings, its socket, what it costs.

Nothing of Twilio. Start at `events`.
"""
