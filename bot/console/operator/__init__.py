"""The operator's page at `/console`, what it shows and does: past calls, a day, the settings, and acts on live calls.

`past.py` reads, `actions.py` does; live calls are told by `../live/`. The page itself is in `../pages/`; all it gets is
JSON and events.
"""
