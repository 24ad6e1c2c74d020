"""A client's desk in front of a simulated model: sends, lets time pass, and looks at what came."""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import Any, get_args

from bot.realtime import events
from bot.realtime.session import SessionSettings, session_object
from bot.testing.agent import Agent, Reply, ScriptedAgent, Spoken, pattern
from bot.testing.model import Behaviour, SimulatedModel
from bot.testing.virtual.client_event_schema import check_client_event

Json = dict[str, Any]


class Desk:
    """`log` holds (time in us, event) of everything that left the model. Every event must suit our parser and the
    openai package's own types, but for those of xAI, which has types of its own.
    """

    def __init__(
        self, agent: Agent | list[Reply | Spoken] | None = None, *, configure: bool = True, **knobs: Any
    ) -> None:
        if agent is None:
            agent = [Spoken(pattern(1000), "one two three four")]
        if isinstance(agent, list):
            agent = ScriptedAgent(agent)
        options = {
            key: knobs.pop(key)
            for key in ("model", "speech", "check", "keep_heard", "name", "opens_us", "dialect", "ears")
            if key in knobs
        }
        options.setdefault("speech", ())
        self._typed = options.get("dialect") != "xai"
        options.setdefault("check", check_client_event)
        self.agent = agent
        self.model = SimulatedModel(agent, Behaviour(**knobs), **options)
        self.now_us = 0
        self.log: list[tuple[int, Json]] = []
        if configure:
            self.run(10)
            self.update(session_object(SessionSettings(), server_owns_turns=True))
            assert self.take() == ["session.created", "session.updated"]

    def run(self, until_ms: float) -> None:
        """Let the clock go on to `until_ms`."""
        until_us = int(until_ms * 1000)
        while (next_us := self.model.next_us()) is not None and next_us <= until_us:
            self.now_us = max(self.now_us, next_us)
            self._collect()
        self.now_us = max(self.now_us, until_us)

    def send(self, kind: str, **fields: Any) -> None:
        self.send_raw(json.dumps({"type": kind, **fields}))

    def send_raw(self, text: str) -> None:
        self.model.receive(text, self.now_us)
        self._collect()

    def update(self, session: Json) -> None:
        self.send("session.update", session=session)

    def append(self, audio: bytes) -> None:
        self.send("input_audio_buffer.append", audio=base64.b64encode(audio).decode())

    def take(self) -> list[str]:
        """The kinds of all that came, which is then forgotten."""
        kinds = [event["type"] for _, event in self.log]
        self.log.clear()
        return kinds

    def kinds(self) -> list[str]:
        return [event["type"] for _, event in self.log]

    def of(self, kind: str) -> list[Json]:
        return [event for _, event in self.log if event["type"] == kind]

    def one(self, kind: str) -> Json:
        (event,) = self.of(kind)
        return event

    def times_ms(self, kind: str) -> list[float]:
        return [us / 1000 for us, event in self.log if event["type"] == kind]

    def audio(self, item_id: str | None = None) -> bytes:
        """The audio of all deltas that came, or of one item."""
        deltas = self.of("response.output_audio.delta")
        return b"".join(base64.b64decode(one["delta"]) for one in deltas if item_id in {None, one["item_id"]})

    def refused(self) -> Json:
        """The error the last thing sent brought."""
        return self.of("error")[-1]["error"]

    def _collect(self) -> None:
        for text in self.model.due(self.now_us):
            event = json.loads(text)
            if self._typed:
                _suits_the_types(text, event)
            self.log.append((self.now_us, event))


def _suits_the_types(text: str, event: Json) -> None:
    events.parse(text)
    model = _server_types().get(event["type"])
    if model is not None:
        model.model_validate_json(text)


@cache
def _server_types() -> dict[str, Any]:
    from openai.types.realtime.realtime_server_event import RealtimeServerEvent

    union = get_args(RealtimeServerEvent)[0]
    return {kind: one for one in get_args(union) for kind in get_args(one.model_fields["type"].annotation)}
