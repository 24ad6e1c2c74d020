"""Recorded and spoken prompts: announcement, greeting, filler."""
