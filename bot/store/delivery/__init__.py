"""Rows on their way from the calls to the store, whatever state that is in.

No SQL. Start at `write_behind`.
"""
