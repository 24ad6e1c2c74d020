"""Function calls of the model as data: what was asked, what came of it, and which calls the rules of a tool refuse.

Nothing is sent from here; bot.call.conversation.function_calls does that. Start at `asked_calls`.
"""
