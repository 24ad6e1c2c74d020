"""From the operator's settings to what one call, or the listener, needs.

Nothing that changes while a call runs. Start at `call_settings`.
"""
