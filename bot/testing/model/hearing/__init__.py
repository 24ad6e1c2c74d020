"""The caller as a simulated session hears them: buffer, voice activity, turns, words.

No response. Start at `caller_turns`.
"""
