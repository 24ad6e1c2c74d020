"""Twilio's side: the media stream's messages, the phone's playout, TwiML, signatures.

Nothing here opens a socket or knows the model. Start at `stream`.
"""
