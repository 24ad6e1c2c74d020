"""Instructions tried in text: an operator edits them, writes what a caller would say, and reads the bot's answers.

`trial_route.py` is the page's side, `trial.py` one trial with its bounds, `text_session.py` its Realtime session. No
call is here, nothing is recorded, and no setting is changed.
"""
