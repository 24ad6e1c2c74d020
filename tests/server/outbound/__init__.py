"""Tests of bot.server.outbound."""
