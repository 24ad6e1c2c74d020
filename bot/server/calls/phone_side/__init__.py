"""The phone's side of one call, as sockets: its streams, keys that are hidden on them, and the ear for a beep.

Nothing here knows the model's side. Start at `phone_streams`.
"""
