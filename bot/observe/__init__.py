"""Logs, what they must not hold, and metrics.

Nothing about one call's course. Start at `logging`.
"""
