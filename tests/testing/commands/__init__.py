"""The work of `bot demo`, `bot call` and `bot model`."""
