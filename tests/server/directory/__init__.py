"""The directory of live calls."""
