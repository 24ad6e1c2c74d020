"""The tool that sends a text message: from the operator's own sender, to the caller or a listed number, once a call.

Whom it may reach is the operator's to say. The model chooses among that, and of the text only its words.
"""

from __future__ import annotations

from typing import Any

import msgspec
import structlog

from bot.call.settings import ToolRules
from bot.numbering.dial_rules import DialRules
from bot.realtime.session import FunctionTool
from bot.tools.contract import Result, Spec, ToolContext, ToolError
from bot.twilio.rest import RestError, TwilioRest

NAME = "send_sms"
CALLER = "caller"
TIMEOUT_S = 15.0
REASONS = {
    21211: "The number is none that a text message can be sent to. Ask for another, or do without.",
    21408: "Text messages to that country are not allowed. Tell the caller that it was not sent.",
    21610: "That number has opted out of our text messages. Tell the caller that it can't be sent.",
    21612: "The number can't be reached by text message. Tell the caller that it was not sent.",
    21614: "The number is no mobile number, so no text message was sent. Ask for a mobile number, or do without.",
}
"""Twilio's refusals that the model can act on, by their numbers (twilio-voice 7)."""
REFUSED = "The text message was not sent. Tell the caller that it did not work."
DOUBTFUL = "It is not known if the text message was sent. Tell the caller that it may come, or may not."
WITHHELD = "The caller's number is withheld, so nothing was sent. Tell them so."
NOT_ALLOWED = "Text messages may not be sent to that number, so nothing was sent. Tell the caller so."

_log = structlog.get_logger()


class _Arguments(msgspec.Struct, forbid_unknown_fields=True):
    text: str
    to: str = ""


class SendSms:
    """A source of the one tool. `allow` holds CALLER for the caller of the call, numbers and beginnings of numbers."""

    def __init__(self, rest: TwilioRest, sender: str, allow: tuple[str, ...], max_chars: int) -> None:
        self._rest = rest
        self._sender = sender
        self._to_caller = CALLER in allow
        self._rules = DialRules(tuple(one for one in allow if one != CALLER), frozenset({sender}))
        self._max_chars = max_chars

    async def open(self) -> None:
        """Nothing is to be learnt."""

    async def close(self) -> None:
        """The REST client is others' too."""

    def specs(self) -> tuple[Spec, ...]:
        """The tool as the model is told of it: where only the caller may be reached, it has no number to give."""
        text: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": self._max_chars}
        properties: dict[str, Any] = {"text": {**text, "description": "The words of the message, and nothing else."}}
        whom = "to the caller"
        required = ["text"]
        if self._rules.allow:
            to = "The number in full with a plus and its country code, such as +15555550123"
            properties["to"] = {"type": "string", "description": f"{to}; without it, the caller's."}
            whom = "to the caller, or to a number that they give" if self._to_caller else "to a number they give"
            required += [] if self._to_caller else ["to"]
        about = f"Sends one text message {whom}. It can be used once in a call; read the text out before."
        schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
        rules = ToolRules(NAME, timeout_s=TIMEOUT_S, once=True, duplicates="refuse_name")
        return (Spec(FunctionTool(NAME, about, schema), rules),)

    async def run(self, name: str, arguments: str, context: ToolContext) -> Result:
        """Send the message. Raises ToolError with a sentence for the model."""
        del name
        given = self._read(arguments)
        to = self._receiver(given.to, context)
        try:
            sent = await self._rest.send_message(to, self._sender, given.text)
        except RestError as error:
            _log.warning("sms_refused", call_sid=context.call_sid, why=error.sentence)
            raise ToolError(DOUBTFUL if error.doubtful else REASONS.get(error.code, REFUSED)) from None
        _log.info("sms_sent", call_sid=context.call_sid, message_sid=sent.sid, chars=len(given.text))
        return Result('{"sent": true}')

    def _read(self, arguments: str) -> _Arguments:
        try:
            given = msgspec.json.decode(arguments or "{}", type=_Arguments)
        except (msgspec.DecodeError, UnicodeEncodeError):
            wanted = "text" if not self._rules.allow else "text and to"
            raise ToolError(f"{NAME} takes a JSON object with {wanted}; nothing was sent.", ran=False) from None
        text = "".join(one for one in given.text if one.isprintable() or one == "\n").strip()
        if not text:
            raise ToolError("The text is empty, so nothing was sent.", ran=False)
        if len(text) > self._max_chars:
            why = f"The text has {len(text)} characters, {self._max_chars} are the most; nothing was sent. Shorten it."
            raise ToolError(why, ran=False)
        return _Arguments(text, given.to)

    def _receiver(self, wanted: str, context: ToolContext) -> str:
        """The number to send to: the caller's as Twilio gave it, or one within the lists. Never any other."""
        if self._to_caller and wanted in {"", context.caller}:
            if not context.caller:
                raise ToolError(WITHHELD, ran=False)
            rules = self._rules._replace(allow=(context.caller,))
            refused = rules.refusal_of_kind(context.caller)
            number = context.caller
        else:
            refused, number = self._rules.refusal_of_kind(wanted), wanted
        if refused is not None:
            raise ToolError(NOT_ALLOWED, ran=False)
        return number
