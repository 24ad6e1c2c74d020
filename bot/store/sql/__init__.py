"""The tables, and every statement.

No file of a call, no thread. Start at `tables`; a change there wants a migration.
"""
