"""What `bot check` finds before a server starts: settings, files, addresses, the store.

Nothing a running call needs. Start at `readiness`.
"""
