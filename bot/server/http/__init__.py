"""The routes, what they refuse, and the address they listen on.

No state of a call. Start at `app`; the webhooks are `voice`, the stream `media`.
"""
