"""Rules that watch the clock or count, in virtual time."""
