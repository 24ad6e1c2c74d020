"""Calls that the bot makes: what may ask for one, by which rules, and how it is placed.

Nothing here hears a call: once placed it is one like any other (bot.server.directory). Start at `placing`.
"""
