"""The session object as xAI has it, to and from the shape the simulated session works with (section 1.5).

xAI's own rules that nobody has written down are taken to be OpenAI's. Of its PCM rates the simulated session speaks
24,000 alone.
"""

from __future__ import annotations

import copy
from typing import Any

from bot.testing.model import session as session_
from bot.testing.model import shapes as is_

Json = dict[str, Any]

_turn_detection = is_.obj(
    {
        "type": is_.one_of("server_vad"),
        "threshold": is_.number(0.1, 0.9),
        "prefix_padding_ms": is_.integer(0, 10_000),
        "silence_duration_ms": is_.integer(0, 10_000),
        "idle_timeout_ms": is_.nullable(is_.integer(0)),
    },
    "type",
)
_input = is_.obj({"format": session_.audio_format})
_output = is_.obj({"format": session_.audio_format, "speed": is_.number(0.7, 1.5)})
_session = is_.obj(
    {
        "instructions": is_.text,
        "voice": is_.text,
        "turn_detection": is_.nullable(_turn_detection),
        "audio": is_.obj({"input": _input, "output": _output}),
        "tools": is_.every(session_.tool),
    }
)


def inward(update: Json) -> Json:
    """XAI's update in OpenAI's shape. Raises Refused for what xAI does not know, `type` included."""
    _session(update, "session")
    changed = copy.deepcopy(update)
    audio = changed.setdefault("audio", {})
    if "turn_detection" in changed:
        audio.setdefault("input", {})["turn_detection"] = changed.pop("turn_detection")
    if "voice" in changed:
        audio.setdefault("output", {})["voice"] = changed.pop("voice")
    return changed


def outward(session: Json) -> Json:
    """The session as xAI echoes it: no `type`, no flags of who acts on turns."""
    listening, speaking = session["audio"]["input"], session["audio"]["output"]
    turns = listening["turn_detection"]
    known = ("type", "threshold", "prefix_padding_ms", "silence_duration_ms")
    return {
        "id": session["id"],
        "object": session["object"],
        "model": session["model"],
        "expires_at": session["expires_at"],
        "instructions": session["instructions"],
        "voice": speaking["voice"],
        "turn_detection": None if turns is None else {key: turns[key] for key in known},
        "audio": {
            "input": {"format": listening["format"]},
            "output": {"format": speaking["format"], "speed": speaking["speed"]},
        },
        "tools": session["tools"],
    }


def opening(session: Json) -> Json:
    """A new session, of which xAI writes down the caller's words unasked."""
    opened = copy.deepcopy(session)
    opened["audio"]["output"]["voice"] = "eve"
    opened["audio"]["input"]["transcription"] = {}
    return opened
