"""Networks between phone and bot: delay, loss, loopback.

Nothing here knows what a message means. Start at `line`.
"""
