"""Routes for the operator's own programs: metrics, live calls, and calls to be placed.

Each is closed without its token. Start at `admin`, which says who may ask.
"""
