"""WebSocket framing for both sides, and fair reading of a connection.

Nothing here knows what a message means. Start at `framing`.
"""
