"""The verbs of TwiML, and the follower that walks through a document on one call (twilio-voice 2).

A verb is one function: what the party hears, and where the call goes on. Start at `follower`; `verb_table` lists them.
"""
