"""Rows on their way from the calls to the store, be it slow, away or broken.

No SQL is here. Start at `write_behind`.
"""
