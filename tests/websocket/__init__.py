"""Framing, held against the library's own parser."""
