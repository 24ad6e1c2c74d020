"""Networks between phone and bot: delay, loss, loopback.

No message's meaning. Start at `line`.
"""
