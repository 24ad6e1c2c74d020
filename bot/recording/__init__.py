"""Recorded calls: the fixture, its masking, and its replay.

Nothing here shows them to people: that is `bot.views`. Start at `fixture`.
"""
