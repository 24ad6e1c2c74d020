"""What processes and instances agree on: tokens, outcomes, quota, the day's spending, how a call is carried on.

No task of a call. Start at `call_registry`.
"""
