"""WebSocket framing for both sides, and fair reading of a connection.

No message's meaning. Start at `framing`.
"""
