"""The call store: what happened on each call, in SQLite or Postgres.

No call waits for it, and nothing here knows a socket. Start at `call_store`; `rows` are written, `results` read.
"""
