"""Timelines, pages and sound of a recorded call."""
