"""Changes of the tables, a file each, oldest first.

No file here changes once it was released. Start at the newest.
"""
