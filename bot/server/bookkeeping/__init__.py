"""Measures and records of calls.

Nothing here changes a call. `metric_list` is the one list of measures; `call_records` makes the rows of the store.
"""
