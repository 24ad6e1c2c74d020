"""Models by name, and what each takes (openai-realtime 0.1, 0.2, 2 and 2.4).

A family is the whole name less the date of a snapshot: `gpt-realtime-2025-08-28` is a gpt-realtime, and no
gpt-realtime-2. Any other name, such as that of an Azure deployment, tells nothing, and a model of which nothing is
known is sent nothing that some model refuses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeVar

Does = Literal["talks", "writes", "answers", "neither"]
"""Talks in a Realtime session, writes down the caller's words beside one, answers a text request over HTTP, or has its
own kind of session."""


class ModelFamily(NamedTuple):
    """`reasons`: takes `reasoning` and `parallel_tool_calls`. `shutdown`: the first day on which it is refused."""

    does: Does = "talks"
    reasons: bool = False
    shutdown: str = ""


_T = TypeVar("_T")
_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")
_PREVIEW_OVER = "2026-05-12"
_FIRST_OVER = "2027-01-20"
_WHISPER_OVER = "2027-02-26"
_FIVE_OVER, _FOUR_OVER, _NANO_OVER = "2026-12-11", "2027-01-14", "2027-04-01"
"""Announced in the types of the openai package, 3.54.0 (`types/shared/chat_model.py`)."""

OPENAI: Mapping[str, ModelFamily] = {
    "gpt-realtime-2.1": ModelFamily(reasons=True),
    "gpt-realtime-2.1-mini": ModelFamily(reasons=True),
    "gpt-realtime-2": ModelFamily(reasons=True),
    "gpt-realtime-1.5": ModelFamily(),
    "gpt-realtime": ModelFamily(shutdown=_FIRST_OVER),
    "gpt-realtime-mini": ModelFamily(shutdown=_FIRST_OVER),
    "gpt-4o-realtime-preview": ModelFamily(shutdown=_PREVIEW_OVER),
    "gpt-4o-mini-realtime-preview": ModelFamily(shutdown=_PREVIEW_OVER),
    "gpt-realtime-translate": ModelFamily("neither"),
    "gpt-live-1": ModelFamily("neither"),
    "gpt-audio": ModelFamily("neither"),
    "gpt-audio-1.5": ModelFamily("neither"),
    "gpt-audio-mini": ModelFamily("neither", shutdown=_FIRST_OVER),
    "gpt-4o-audio-preview": ModelFamily("neither"),
    "gpt-4o-mini-audio-preview": ModelFamily("neither"),
    "gpt-6-sol": ModelFamily("answers", reasons=True),
    "gpt-6-luna": ModelFamily("answers", reasons=True),
    "gpt-5.6-sol": ModelFamily("answers", reasons=True),
    "gpt-5.6-terra": ModelFamily("answers", reasons=True),
    "gpt-5.6-luna": ModelFamily("answers", reasons=True),
    "gpt-5.4": ModelFamily("answers", reasons=True),
    "gpt-5.4-mini": ModelFamily("answers", reasons=True),
    "gpt-5.4-nano": ModelFamily("answers", reasons=True, shutdown=_NANO_OVER),
    "gpt-5.1": ModelFamily("answers", reasons=True, shutdown=_NANO_OVER),
    "gpt-5": ModelFamily("answers", reasons=True, shutdown=_FIVE_OVER),
    "gpt-5-mini": ModelFamily("answers", reasons=True, shutdown=_FIVE_OVER),
    "gpt-5-nano": ModelFamily("answers", reasons=True, shutdown=_FIVE_OVER),
    "gpt-4.1": ModelFamily("answers", shutdown=_FOUR_OVER),
    "gpt-4.1-mini": ModelFamily("answers", shutdown=_FOUR_OVER),
    "gpt-4o": ModelFamily("answers", shutdown=_FOUR_OVER),
    "gpt-4o-mini": ModelFamily("answers", shutdown=_FOUR_OVER),
    "gpt-4o-mini-tts": ModelFamily("neither"),
    "tts-1": ModelFamily("neither"),
    "tts-1-hd": ModelFamily("neither"),
    "gpt-transcribe": ModelFamily("writes"),
    "gpt-live-transcribe": ModelFamily("writes"),
    "gpt-realtime-whisper": ModelFamily("writes"),
    "whisper-1": ModelFamily("writes", shutdown=_WHISPER_OVER),
    "gpt-4o-transcribe": ModelFamily("writes", shutdown=_WHISPER_OVER),
    "gpt-4o-mini-transcribe": ModelFamily("writes", shutdown=_WHISPER_OVER),
    "gpt-4o-transcribe-diarize": ModelFamily("writes", shutdown=_WHISPER_OVER),
}
OFFLINE_AGENT = "offline-agent"
"""Name of the agent that is a script, as model and as transcriber; its price is nothing."""
XAI: Mapping[str, ModelFamily] = {
    "grok-voice-latest": ModelFamily(),
    "grok-voice-think-fast-1.0": ModelFamily(),
    "grok-transcribe": ModelFamily("writes"),
}


def of_family(table: Mapping[str, _T], name: str) -> _T | None:
    """The entry of `table` for a model, or for the family of which it is a dated snapshot. None: there is neither."""
    found = table.get(name)
    return table.get(_SNAPSHOT.sub("", name)) if found is None else found


def family(name: str) -> ModelFamily | None:
    """The family of a model; None for a name that tells nothing."""
    return of_family(OPENAI, name) or of_family(XAI, name)


def takes_reasoning(name: str) -> bool:
    """True when the model is known to accept `reasoning`."""
    known = family(name)
    return known is not None and known.reasons
