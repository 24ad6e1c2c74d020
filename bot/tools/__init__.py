"""Tools: what the model may do, as the operator's code or the operator's server does it.

Nothing here knows a conversation: what a tool is called for, and what is said meanwhile, is decided in bot.call. A
module of tools needs `tool`, `ToolContext`, `SecretDigits`, `Digits`, `Silent` and `ToolError` from here. Start at
`toolbox`.
"""

from bot.tools.contract import BadTool, Result, Silent, Source, Spec, ToolContext, ToolError, ToolStore
from bot.tools.python.decorator import tool
from bot.tools.secret_digits import Digits, SecretDigits
from bot.tools.toolbox import Toolbox

__all__ = [
    "BadTool",
    "Digits",
    "Result",
    "SecretDigits",
    "Silent",
    "Source",
    "Spec",
    "ToolContext",
    "ToolError",
    "ToolStore",
    "Toolbox",
    "tool",
]
