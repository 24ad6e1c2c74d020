"""Remote MCP servers whose tools the model may use: where they are, how they are signed in to, what is approved.

Pure but for reading one file. The servers are asked by the model's side, never by the bot (`bot help tools`); what
becomes of their calls is decided elsewhere (bot.call.tool_calls). To start: `mcp_server.py`.
"""
