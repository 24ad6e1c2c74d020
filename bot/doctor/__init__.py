"""Checks before a server starts, for `bot check`: settings, files, addresses, the store.

Nothing here is needed by a running call. Start at `readiness`.
"""
