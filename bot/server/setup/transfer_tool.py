"""The function by which the model transfers a caller, as the session is told of it."""

from __future__ import annotations

from bot.call.handoff.transfer import MAX_SUMMARY, TRANSFER_CALL
from bot.config import Settings
from bot.realtime.session import FunctionTool
from bot.twilio.languages import language

_ABOUT = (
    "Transfer the caller to a person. Call it before you promise anything: you learn if the person can be rung now, or "
    "why not. The destinations are: {destinations}."
)
_SUMMARY = (
    "What the person must know before they take the call: who calls, what about, what was settled. One to three short "
    "sentences in the language {locale}, at most {letters} characters. They hear it, the caller does not."
)


def transfer_tools(settings: Settings) -> tuple[FunctionTool, ...]:
    """The one function, or none where nobody can be transferred to."""
    if not settings.destinations:
        return ()
    told = [f"{one.name} ({one.about})" if one.about else one.name for one in settings.destinations]
    summary = _SUMMARY.format(locale=language(settings.language).locale, letters=MAX_SUMMARY)
    parameters = {
        "type": "object",
        "properties": {
            "destination": {"type": "string", "enum": [one.name for one in settings.destinations]},
            "summary": {"type": "string", "description": summary},
        },
        "required": ["destination", "summary"],
    }
    return (FunctionTool(TRANSFER_CALL, _ABOUT.format(destinations="; ".join(told)), parameters),)
