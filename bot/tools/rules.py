"""The check of a tool's rules, which come from the operator's code or server and may be anything."""

from __future__ import annotations

import inspect
from typing import get_args

from bot.call.settings import ToolRules
from bot.tools.contract import BadTool

LONGEST_S = 300.0
_CHOICES = {
    field: get_args(hint) for field, hint in inspect.get_annotations(ToolRules, eval_str=True).items() if get_args(hint)
}


def check_rules(rules: ToolRules) -> None:
    """Raises BadTool with a sentence for a rule that is none."""
    said = f"The tool {rules.name}"
    for field, choices in _CHOICES.items():
        if getattr(rules, field) not in choices:
            raise BadTool(f"{said}: {field} must be one of {', '.join(choices)}.")
    if not isinstance(rules.timeout_s, int | float) or not 0 < rules.timeout_s <= LONGEST_S:
        raise BadTool(f"{said}: timeout_s must be a number above 0, up to {LONGEST_S:g}.")
    if not isinstance(rules.meanwhile, str) or not rules.meanwhile.strip():
        raise BadTool(f"{said}: meanwhile must be nothing, preamble, filler or a sentence.")
