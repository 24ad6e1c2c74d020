"""The words of both sides, as far as they were heard.

No time but the ledger's. Start at `transcript`.
"""
