"""Facts about turns and how long the caller waited, for the record.

Nothing here changes the call. Start at `turn_facts`.
"""
