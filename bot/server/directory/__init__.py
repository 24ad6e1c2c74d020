"""The calls of this process: let in, found, counted, and sent on when their stream is over.

No socket. Start at `live_calls`, which puts the parts together.
"""
