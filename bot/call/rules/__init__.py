"""The rules of a call: whatever watches the clock or counts something, a file each, behind bot.call.rule.

They are listed once, in bot.call.handlers.rule_table, in the order in which they act when several are due. What a rule
asks for is done elsewhere: here is no message of either side, no sound but a filler's, and nothing of who may speak. To
add one, write its file and its test, give it its setting, and list it.
"""
