"""The shell of one call: its sockets, sessions and timer around the pure core.

No call knows another, and nothing here decides what is said. Start at `bridge`.
"""
