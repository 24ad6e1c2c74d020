"""One file a change of the tables, oldest first.

No file here changes once it was released. Start at the newest.
"""
