"""Logs, the masking of what they must not hold, and metrics.

Nothing here decides what is told of a call. Start at `logging`; alert rules and the dashboard lie beside it.
"""
