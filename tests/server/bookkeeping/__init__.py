"""Metrics, the log of HTTP, and the records of calls."""
