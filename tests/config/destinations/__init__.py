"""Destinations of a transfer, and when they are there."""
