"""The call store: what happened on each call, in SQLite or Postgres.

No call waits for it. `rows` are what is written, `results` what is read, `call_store` does both.
"""
