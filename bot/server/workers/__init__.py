"""The processes: how they start, share a port, and leave.

No route, and no call. Start at `serve`.
"""
