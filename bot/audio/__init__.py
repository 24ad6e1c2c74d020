"""Mu-law, WAV, resampling, and the recordings that ship with the bot.

audioop is imported here and nowhere else. `payload` is audio as both wires carry it.
"""
