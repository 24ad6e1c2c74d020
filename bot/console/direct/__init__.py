"""The browser phone's direct way: the page talks to the model itself, with a client secret, past the telephone line.

`direct_way.py` decides when it is offered, and lets the page reach that one host; `client_secret.py` has the secret
made. No call of ours is there: no tool runs, nothing is recorded, and what it costs is in no figure here.
"""
