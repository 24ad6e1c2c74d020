"""The routes, what they refuse, and the address they listen on.

No state of a call. Start at `app`; a call comes in at `voice_webhooks`, its stream at `media_stream`.
"""
