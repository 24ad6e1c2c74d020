"""The operator's tools, as the model is told of them, and each run by hand: it does what it does in a call."""

from __future__ import annotations

from typing import Any

import msgspec
import structlog
from aiohttp import web

from bot.call.settings import ToolRules
from bot.config.values.caller_lists import e164
from bot.console.operator.actions import posted
from bot.console.operator.past import as_json
from bot.server.http.app_keys import CALLS
from bot.tools.contract import Spec, ToolContext
from bot.tools.toolbox import Toolbox

BY_HAND = "by hand"
"""SID that such a run has in the log, and that the tool is given."""
_log = structlog.get_logger()


async def tools(request: web.Request) -> web.Response:
    """GET /console/api/tools: those of the server, or of the profile named by `profile`."""
    return as_json({"tools": [_told(spec) for spec in _toolbox(request)[0].specs()]})


async def run_tool(request: web.Request) -> web.Response:
    """POST /console/api/tools/NAME, `{"arguments": {...}, "caller": "+1..."}`: what the model would be told of it."""
    toolbox, language = _toolbox(request)
    name, given = request.match_info["name"], await posted(request)
    arguments, caller = given.get("arguments", {}), given.get("caller", "")
    if name not in {spec.function.name for spec in toolbox.specs()}:
        return as_json({"problem": "There is no such tool."}, 404)
    if not isinstance(arguments, dict):
        return as_json({"problem": "Arguments are a JSON object."}, 400)
    if not isinstance(caller, str) or (caller and not e164(caller)):
        return as_json({"problem": "The caller is a telephone number such as +15555550142, or left away."}, 400)
    text = msgspec.json.encode(arguments).decode()
    result = await toolbox.run(name, text, ToolContext(BY_HAND, e164(caller), language))
    _log.info("operator_ran_tool", tool=name, ok=result.ok)
    return as_json({"output": result.output, "ok": result.ok, "silent": not result.respond})


def _toolbox(request: web.Request) -> tuple[Toolbox, str]:
    """The tools of a profile, and the language its calls are in."""
    calls = request.app[CALLS]
    settings = calls.profiles.named(request.query.get("profile", ""))
    if settings is None:
        raise web.HTTPNotFound(text="there is no such profile\n")
    return calls.starter.toolboxes.of(settings), settings.language


def _told(spec: Spec) -> dict[str, Any]:
    rules = msgspec.to_builtins(spec.rules)
    defaults = msgspec.to_builtins(ToolRules(spec.function.name))
    return {
        "name": spec.function.name,
        "about": spec.function.description,
        "parameters": spec.function.parameters,
        "rules": {rule: value for rule, value in rules.items() if value != defaults[rule]},
        "timeoutS": spec.rules.timeout_s,
    }
