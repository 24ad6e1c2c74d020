"""Tools written in Python: functions of the module that BOT_TOOLS names, marked by the decorator `tool`.

`tool_signature` makes of a function what the model is told, and checks what the model says; `threads` keeps the
functions away from the calls. Start at `module`.
"""
