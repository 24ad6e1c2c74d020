"""Tests of bot.numbering."""
