"""The check of a tool's rules, which come from the operator's code or server and may be anything."""

from __future__ import annotations

import inspect
from typing import Literal, get_args, get_origin

from bot.call.settings import ToolRules
from bot.tools.contract import BadTool

LONGEST_S = 300.0
MOST_DIGITS = 64
MOST_TRIES = 10
_CHOICES = {
    field: get_args(hint)
    for field, hint in inspect.get_annotations(ToolRules, eval_str=True).items()
    if str(get_origin(hint)) == str(Literal)
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
    secret = rules.secret
    if secret is not None and not 1 <= secret.least <= secret.most <= MOST_DIGITS:
        raise BadTool(f"{said}: its digits must be at least 1 and at most {MOST_DIGITS}, the least not above the most.")
    if secret is not None and not 1 <= secret.tries <= MOST_TRIES:
        raise BadTool(f"{said}: the tries at its digits must be 1 to {MOST_TRIES}.")
