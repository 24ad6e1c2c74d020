"""Stored calls for people: lists, one call, its costs, its page, its vCon.

No SQL is here. Start at `stored_commands`.
"""
