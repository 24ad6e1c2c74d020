"""Upkeep of stored calls: purging, erasing, ending those whose process died.

Nothing while a call runs. Start at `erasing`.
"""
