"""Faults in a call, one at a time: what the caller hears, and how soon."""
