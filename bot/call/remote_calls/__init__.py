"""Tools of remote MCP servers, which the model's side lists and calls by itself (`bot help tools`).

A session's tools are listed before it is asked for anything, within a bound. A call is kept among the function calls
(bot.call.tool_calls), so that the caller hears something meanwhile, the response behind it is asked for once, and the
next session is told of it; approval is given by rule, or by a key of the caller's. To start: `mcp_calls.py`.
"""
