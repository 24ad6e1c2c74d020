"""Requests to the operator's own servers: signed, so that they know who asks, and bounded, so that nobody waits.

No call and no store is known here, and nothing is decided. Start at `signed_post`.
"""
