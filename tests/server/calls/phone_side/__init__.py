"""Streams of a call, and keys that are hidden on them."""
