"""Twilio's questions about a call, before its stream and after it, and what they are answered.

No stream. A call comes in at `voice`, one that we made at `outgoing`; to start: `voice`. `voice_next` is asked what
follows a stream, and `fallback` what a caller gets when the model is down.
"""
