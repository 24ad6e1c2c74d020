"""Tests of `bot.call.remote_calls`: tools that the model's side lists and calls by itself."""
