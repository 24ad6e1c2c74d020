"""Transfers, one at a time: what the caller hears and what the person, and when; whatever either of them does."""
