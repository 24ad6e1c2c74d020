"""The steps that each input sets going, in order: the two sides, the server, keys, the dialogue, what follows.

No state of its own that a part could hold, but for the refusals that were told (`server_side`). Start at `dialogue`.
"""
