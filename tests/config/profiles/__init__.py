"""Profiles: the file, whose number is whose, what holds over what."""
