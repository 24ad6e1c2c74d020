"""Ears of the offline agent: which sound is speech, and what its words are.

Nothing here answers anybody. Start at `offline_ears`.
"""
