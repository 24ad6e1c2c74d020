"""The work of `bot demo`, `bot call` and `bot model`.

No parsing of the command line. Start at `demo`.
"""
