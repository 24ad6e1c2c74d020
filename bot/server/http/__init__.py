"""The routes, what they refuse, and the address they listen on.

No state of a call. Start at `app`; a call comes in at `voice`, its stream at `media_stream`; `voice_next` is asked what
follows, and `fallback` what a caller gets when the model is down.
"""
