"""Agreements of processes and instances: tokens, outcomes, quota, liveness, the past of a call that is carried on.

No task of a call. Start at `call_registry`.
"""
