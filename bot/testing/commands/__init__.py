"""The work of `bot demo`, `bot call` and `bot model`.

Nothing here parses a command line: that is `bot.cli`. Start at `demo`.
"""
