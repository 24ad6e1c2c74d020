"""What is measured and what is kept of calls.

Nothing here changes a call. `metric_list` is the one list of what is measured, `call_records` what goes to the store.
"""
