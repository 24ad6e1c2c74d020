"""Rows on their way to a store that may be slow, away or broken."""
