"""The steps that each input sets going, in order: the two sides, the server, keys, the dialogue, what follows.

No state of its own that a part could hold. Start at `dialogue`.
"""
