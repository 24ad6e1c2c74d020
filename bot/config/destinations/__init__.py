"""Destinations of a transfer: who may be rung, when they are there, and how they are told of the call.

Pure but for reading one file: no network, no clock. What becomes of a transfer is decided elsewhere
(bot.call.handoff.transfer, bot.server.http.put_through). To start: `destination.py`.
"""
