"""Pauses of a call by what it waited for: why it was silent here. Start at `silences.py`.

What is waited for comes from a fixture, or, less exactly, from the store. No sound is looked at.
"""
