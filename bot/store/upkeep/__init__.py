"""Upkeep of stored calls: purging, erasing, ending those whose process died.

Nothing here runs on behalf of a call that goes on. Start at `erasing`.
"""
