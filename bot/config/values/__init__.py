"""Checks of single values, pure: no sentence holds a secret.

Nothing that knows two settings. Start at `value_checks`.
"""
