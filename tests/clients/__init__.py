"""Realtime clients that nobody here wrote, each through a whole spoken turn with the offline agent.

They come with the extra `clients`; what is not installed is skipped.
"""
