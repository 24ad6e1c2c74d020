"""The simulated phone and its callers."""
