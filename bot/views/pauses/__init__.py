"""Why it was silent here: what a call waited for, and its pauses by that. Start at `silences.py`.

What is waited for comes from a fixture, or, less exactly, from the store. No sound is looked at.
"""
