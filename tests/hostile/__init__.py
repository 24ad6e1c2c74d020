"""Strangers and broken peers: bounded memory, readable logs, and callers who notice nothing. Start at `bounds`."""
