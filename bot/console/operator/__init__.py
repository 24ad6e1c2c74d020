"""What the operator's page at `/console` shows and does: live calls, past calls, a day, the settings.

`live.py` and `past.py` read, `actions.py` does. The page itself is in `../pages/`; all it gets is JSON and events.
"""
