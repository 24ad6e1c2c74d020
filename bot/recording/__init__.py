"""Recorded calls: the fixture, what it must not keep, and its replay.

No view of them for people. Start at `fixture`.
"""
