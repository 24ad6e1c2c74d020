"""Checks before a server starts, for `bot check`: settings, files, addresses, the store.

Nothing a running call needs. Start at `readiness`.
"""
