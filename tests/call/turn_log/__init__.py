"""Turns as a call tells them, and the caller's waits."""
