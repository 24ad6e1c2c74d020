"""Tools: what the model may do, as the operator's code or the operator's server does it.

Nothing here knows a conversation: what a tool is called for, and what is said meanwhile, is decided in bot.call. Start
at `toolbox`.
"""

from bot.tools.contract import Result, Silent, Source, Spec, ToolContext
from bot.tools.toolbox import Toolbox

__all__ = ["Result", "Silent", "Source", "Spec", "ToolContext", "Toolbox"]
