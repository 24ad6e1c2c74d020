"""The answer to a request for a call's result: read, judged, and its tokens counted. Nothing in it is trusted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from bot.after_call.result_schema import ResultSchema
from bot.realtime.usage import Tokens, read_response


class TextUsage(NamedTuple):
    """Tokens of a text request. `cache_written`: how many of them also went into a cache, for a quarter more."""

    tokens: Tokens
    cache_written: int = 0


class Made(NamedTuple):
    """A result that is as the schema wants it."""

    summary: str
    disposition: str
    fields: dict[str, Any]


class NotMade(NamedTuple):
    """An answer that is no result, in a sentence without any of its words. `final`: another try gives no other."""

    why: str
    final: bool = False


class Answered(NamedTuple):
    """All that an answer tells. It is paid for either way."""

    outcome: Made | NotMade
    usage: TextUsage
    response_id: str
    model: str
    status: str


def read_answer(told: Any, schema: ResultSchema) -> Answered:
    """Read the JSON of a response."""
    whole = told if isinstance(told, dict) else {}
    return Answered(_outcome(whole, schema), read_usage(whole.get("usage")), *map(_text, _named(whole)))


def read_usage(usage: Any) -> TextUsage:
    """The usage of a text request, all of whose tokens are text."""
    told = usage if isinstance(usage, dict) else {}
    details = told.get("input_tokens_details")
    details = details if isinstance(details, dict) else {}
    read = read_response(
        {
            "input_tokens": told.get("input_tokens"),
            "output_tokens": told.get("output_tokens"),
            "input_token_details": {
                "text_tokens": told.get("input_tokens"),
                "cached_tokens": details.get("cached_tokens"),
                "audio_tokens": 0,
            },
            "output_token_details": {"text_tokens": told.get("output_tokens"), "audio_tokens": 0},
        }
    ).used
    tokens = read if isinstance(read, Tokens) else Tokens()
    written = details.get("cache_write_tokens")
    return TextUsage(tokens, min(written, tokens.text_in) if type(written) is int and written > 0 else 0)


def _named(whole: dict[str, Any]) -> Iterator[Any]:
    return (whole.get(name) for name in ("id", "model", "status"))


def _text(value: Any) -> str:
    return value[:200] if isinstance(value, str) else ""


def _outcome(whole: dict[str, Any], schema: ResultSchema) -> Made | NotMade:
    status = whole.get("status")
    if status != "completed":
        why = whole.get("incomplete_details")
        reason = _text(why.get("reason")) if isinstance(why, dict) else ""
        return NotMade(f"the response is {_text(status) or 'no response'}{f' ({reason})' if reason else ''}")
    texts: list[str] = []
    for kind, value in _contents(whole.get("output")):
        if kind == "refusal":
            return NotMade("the model refused")
        texts.append(value)
    try:
        answer = msgspec.json.decode("".join(texts))
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return NotMade("the model's answer is no JSON")
    if faults := schema.faults(answer):
        return NotMade(f"the model's answer is not as the schema wants it: {faults}")
    return Made(answer["summary"], answer["disposition"], answer["fields"])


def _contents(output: Any) -> Iterator[tuple[str, str]]:
    """The texts and refusals of the messages. A model that thinks tells other items besides."""
    for item in output if isinstance(output, list) else ():
        if not isinstance(item, dict) or item.get("type") != "message":
            continue
        content = item.get("content")
        for part in content if isinstance(content, list) else ():
            kind = part.get("type") if isinstance(part, dict) else None
            if kind == "refusal":
                yield "refusal", ""
            elif kind == "output_text" and isinstance(part.get("text"), str):
                yield "text", part["text"]
