"""Twilio's side: the media stream's messages, the phone's playout, TwiML, signatures.

No socket. Start at `stream`.
"""
