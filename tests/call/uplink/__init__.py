"""The caller's audio on its way to the model."""
