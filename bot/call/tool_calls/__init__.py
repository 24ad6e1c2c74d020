"""Function calls of the model: what was asked, what came of it, and the one output that answers each.

No tool is run here; the shell does that. Start at `function_calls`; `asked_calls` is the same as data, with the rules
of a tool; `mcp_calls` are those that the model's server makes itself.
"""
