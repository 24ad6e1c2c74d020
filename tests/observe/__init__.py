"""Logs, masking and metrics; the shipped alert rules, with promtool where it is installed."""
