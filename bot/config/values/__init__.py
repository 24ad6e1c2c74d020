"""Checks of single values, pure: no sentence holds a secret.

Nothing here compares two settings: that is `dialects` and `advice`. Start at `value_checks`.
"""
