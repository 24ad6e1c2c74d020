"""Purging, erasing, and ending the calls of dead processes."""
