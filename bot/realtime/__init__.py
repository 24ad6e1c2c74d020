"""The Realtime session's side: its events, its settings, its socket, its prices.

Nothing here knows Twilio or decides anything in a conversation. Start at `events`.
"""
