"""The tables of the call store, and every SQL statement.

Nothing here starts a thread or touches a call's files. Start at `tables`; a change there wants a migration.
"""
