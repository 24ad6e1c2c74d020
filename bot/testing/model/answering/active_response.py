"""Responses being made: one of the conversation, others out of band; how each is cut (openai-realtime 4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec

from bot.testing.agent import Agent, Known, Pending, Reply, Turn
from bot.testing.model.answering import mcp
from bot.testing.model.answering.generation import Generation, Options, World
from bot.testing.model.answering.token_usage import ZERO, TokenMeter, xai_usage
from bot.testing.model.protocol.refusal import Refused
from bot.testing.model.protocol.session_object import refuse_reasoning
from bot.testing.model.state.simulated_state import MS, SessionState

Json = dict[str, Any]

RACE_US = 500_000
"""Time within which messages may cross on the wire: a race, not a fault of the client."""


class ActiveResponse:
    """Makes responses for turns; `responses` keeps all of them, the swallowed ones excepted."""

    def __init__(self, state: SessionState, agent: Agent) -> None:
        self._state = state
        self._agent = agent
        self._meter = TokenMeter()
        self._world = World(
            emit=state.emit,
            wire=state.wire,
            conversation=state.conversation,
            new_id=state.new_id,
            close=state.close,
            ended=self._ended,
            usage=self._usage,
            asks=partial(mcp.asks, state),
            remote=partial(mcp.called, state),
        )
        self.responses: list[Generation] = []
        self.active: Generation | None = None
        self._running: dict[str, Generation] = {}
        self._made_by_server = False
        self._quiet_since_us: int | None = None
        self._asked = 0
        self._audio = bytearray()
        self._audio_ms = 0
        self._tool_outputs: list[str] = []
        self._words: list[Pending[str]] = []
        self._notes: list[str] = []
        self._interrupted = False
        self._afterwards: list[Callable[[], None]] = []

    # ---- what the next reply is about --------------------------------------------------------------------------------

    def heard(self, audio: bytes, audio_ms: int, words: Pending[str] | None) -> None:
        """The caller's turn was committed; `words` None: there are no ears for them."""
        self._audio += audio
        self._audio_ms += audio_ms
        if words is not None:
            self._words.append(words)

    def told(self, role: str, text: str) -> None:
        """A client has written a message."""
        if role == "user":
            self._words.append(Known(text))
        elif role == "system":
            self._notes.append(text)

    def tool_answered(self, output: str) -> None:
        self._tool_outputs.append(output)

    def after_response(self, action: Callable[[], None]) -> None:
        """Do it once the response of the default conversation is over, now if there is none (openai-realtime W4)."""
        if self.active is None:
            action()
        else:
            self._afterwards.append(action)

    def history_changed(self, *, cut: str = "") -> None:
        """Something was truncated, deleted or reworded, and the cache is lost (openai-realtime 7).

        `cut`: the item of the model's that lost something. If its response was cut before, that is the same cut.
        """
        self._meter.bust()
        of_it = (one for one in self.responses for output in one.outputs if output.item_id == cut)
        self._interrupted = self._interrupted or any(one.status != "cancelled" for one in of_it)

    @property
    def voice_locked(self) -> bool:
        """True once any audio was produced: the voice can't change after that."""
        return any(one.made_ms for one in self.responses)

    # ---- starting ----------------------------------------------------------------------------------------------------

    def create(self, params: Json, now_us: int) -> None:
        """response.create. Raises Refused."""
        refuse_reasoning(self._state.session["model"], params, "response")
        default = params.get("conversation") != "none"
        if default and self.active is not None:
            raced = self._made_by_server and now_us - self.active.started_us < RACE_US
            raise self._busy(self.active, benign=raced)
        self._made_by_server = self._made_by_server and not default
        self._start(params, now_us, default=default)

    def answer(self, now_us: int) -> None:
        """The server answers a turn by itself; while a response is active, only an error (openai-realtime 2.2)."""
        if self.active is not None:
            busy = self._busy(self.active, benign=True)
            self._state.error(busy.code, busy.message)
            return
        self._made_by_server = True
        self._start({}, now_us, default=True)

    def _busy(self, active: Generation, *, benign: bool) -> Refused:
        message = (
            f"Conversation already has an active response in progress: {active.id}. "
            "Wait until the response is finished before creating a new one."
        )
        return Refused("conversation_already_has_active_response", message, benign=benign)

    def _start(self, params: Json, now_us: int, *, default: bool) -> None:
        options = self._options(params, default=default)
        reply: Pending[Reply]
        if default and self._state.approved:  # the model goes on where it was
            reply = Reply(mcp_calls=tuple(self._state.approved))
            self._state.approved.clear()
        else:
            reply = self._agent.reply(self._turn(params, options, default=default))
        known = reply.poll()
        if known is not None and known.failure is not None and known.failure.kind == "silent":
            self._quiet_since_us = now_us
            return
        if known is not None and known.pacing is not None:
            options = msgspec.structs.replace(options, pacing=known.pacing)
        response = Generation(options, reply, self._world, now_us)
        self.responses.append(response)
        self._running[response.id] = response
        if default:
            self.active = response
        self._state.agenda.follow(response.steps(), now_us)

    def _turn(self, params: Json, options: Options, *, default: bool) -> Turn:
        number, self._asked = self._asked, self._asked + 1
        words = params.get("instructions", "")
        if not default:
            return Turn(
                number,
                instructions=words,
                metadata=params.get("metadata"),
                aside=True,
                spoken_in=options.audio_format["type"],
                writes=options.writes,
            )
        turn = Turn(
            number,
            audio=bytes(self._audio),
            audio_ms=self._audio_ms,
            instructions=words,
            greeting=not self._state.conversation.caller_spoke,
            interrupted=self._interrupted,
            tool_outputs=tuple(self._tool_outputs),
            metadata=params.get("metadata"),
            words=tuple(self._words),
            notes=tuple(self._notes),
            tools=options.tools,
            must_call=options.must_call,
            heard_in=self._state.listening["format"]["type"],
            spoken_in=options.audio_format["type"],
            writes=options.writes,
        )
        self._audio.clear()
        for gathered in (self._tool_outputs, self._words, self._notes):
            gathered.clear()
        self._audio_ms, self._interrupted = 0, False
        return turn

    def _options(self, params: Json, *, default: bool) -> Options:
        session = self._state.session
        asked = {**session, **params}
        spoken = {**session["audio"]["output"], **params.get("audio", {}).get("output", {})}
        behaviour = self._state.behaviour
        tools, must_call = offered(asked["tools"], asked["tool_choice"])
        forced = behaviour.forced_format if "output" in behaviour.forced_sides else None
        return Options(
            id=self._state.new_id("resp"),
            conversation_id=f"conv_{self._state.name}0001" if default else None,
            audio_format=forced or spoken["format"],
            voice=spoken["voice"],
            output_modalities=tuple(asked["output_modalities"]),
            max_output_tokens=asked["max_output_tokens"],
            instructions=asked["instructions"],
            metadata=params.get("metadata"),
            pacing=behaviour.pacing,
            tools=tools,
            must_call=must_call,
        )

    # ---- stopping ----------------------------------------------------------------------------------------------------

    def interrupt(self, now_us: int) -> None:
        """The caller speaks: the default response is cut, after `cancel_after_ms`; those out of band go on."""
        response = self.active
        if response is None:
            return
        wait_us = self._state.behaviour.cancel_after_ms * MS
        if wait_us:
            self._state.agenda.at(now_us + wait_us, lambda us: self._cut(response, "turn_detected", us))
        else:
            self._cut(response, "turn_detected", now_us)

    def cancel(self, response_id: str | None, now_us: int) -> None:
        """response.cancel. Raises Refused when there is nothing to cancel."""
        response = self.active if response_id is None else self._running.get(response_id)
        if response is None:
            quiet = self._quiet_since_us
            raced = quiet is not None and (now_us - quiet < RACE_US or self._asked > len(self.responses))
            raise Refused("response_cancel_not_active", "Cancellation failed: no active response found", benign=raced)
        self._cut(response, "client_cancelled", now_us)

    def _cut(self, response: Generation, reason: str, now_us: int) -> None:
        if response.over:
            return
        self._interrupted = self._interrupted or response.default
        behaviour = self._state.behaviour
        outlive = behaviour.calls_outlive_speech and reason == "turn_detected"
        response.finish("cancelled", {"type": "cancelled", "reason": reason}, calls_outlive=outlive)
        for late in range(1, behaviour.late_deltas + 1):
            self._state.agenda.at(now_us + late * behaviour.late_delta_ms * MS, lambda _us: response.late_delta())

    def _ended(self, response: Generation) -> None:
        del self._running[response.id]
        if response is self.active:
            self.active = None
            afterwards, self._afterwards = self._afterwards, []
            for action in afterwards:
                action()
        agenda = self._state.agenda
        self._quiet_since_us = agenda.now_us
        wait_us = self._state.behaviour.rate_limits_after_ms * MS
        if self._state.wire.says("rate_limits.updated"):
            agenda.at(agenda.now_us + wait_us, self._tell_limits)

    def _tell_limits(self, _us: int) -> None:
        self._state.emit("rate_limits.updated", rate_limits=[_LIMITS])

    def _usage(self, response: Generation) -> Json:
        if self._state.dialect == "xai":
            return xai_usage(self._spent(response), response.made_ms)
        return self._spent(response)

    def _spent(self, response: Generation) -> Json:
        if not response.outputs:
            return ZERO
        spoken_ms = sum(one.entry.audio_bytes // one.entry.bytes_per_ms for one in response.outputs)
        written = "".join(one.words[: one.shown] for one in response.outputs)
        used = self._meter.usage(response.options.instructions, self._state.conversation, spoken_ms, written)
        if self._state.wire.reasons:
            used["output_token_details"]["reasoning_tokens"] = 0
        return used


def offered(tools: Sequence[Json], choice: Any) -> tuple[tuple[Json, ...], str]:
    """The functions that a response may call, and the name of the one it has to: any, if that is all that is asked."""
    functions = tuple(tool for tool in tools if tool["type"] == "function")
    if choice == "none":
        return (), ""
    if choice == "required":
        return functions, functions[0]["name"] if len(functions) == 1 else ""
    if isinstance(choice, dict) and choice["type"] == "function":
        return functions, choice["name"]
    return functions, ""


_LIMITS: Json = {"name": "tokens", "limit": 40_000, "remaining": 39_000, "reset_seconds": 1.5}
