"""The caller's audio on its way to the model.

Nothing the caller hears. Start at `frames_and_gaps`.
"""
