"""The caller as a simulated session hears them: buffer, voice activity, turns, words.

Nothing here answers the caller. Start at `caller_turns`.
"""
