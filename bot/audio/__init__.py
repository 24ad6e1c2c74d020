"""Mu-law, WAV, resampling, and the recordings that ship with the bot.

Nothing here knows a call or a message. audioop is imported here and nowhere else. Start at `mulaw`; `payload` is audio
as both wires carry it.
"""
