"""Audio on its way to the caller, and what of it was heard.

No word of the conversation. `ledger` is the heart.
"""
