"""Tests of `bot.config.remote_tools`: the file of BOT_MCP."""
