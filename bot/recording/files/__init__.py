"""The files that are written about a call while it runs.

Nothing waits for a disk on the call's own path. Start at `recorder`.
"""
