"""Whole calls at random, by seed, against the core of any checkout: `python random_calls.py CHECKOUT FIRST CALLS`.

Prints a line for each call: its seed, a digest of all that came out, its outputs and its Ticks. With `--full` it prints
everything that went in and came out instead, with `--lines` the share of lines of bot/call that were run. A peer that
answers what the call asks of it makes calls that get somewhere; some of its answers are wrong, late or missing.

Only the public face of the core is used, found by name wherever it stands: Call, CallSettings, the parsers of both
vocabularies and the notes. Nothing of `bot` is imported before the checkout is known.
"""

from __future__ import annotations

import base64
import hashlib
import heapq
import importlib
import json
import pkgutil
import random
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

MS = 1_000
SECOND = 1_000_000
SID, CALL, ACCOUNT = "MZ1", "CA1", "AC1"
PCMU = {"format": {"type": "audio/pcmu"}}
SESSION = {"id": "sess_1", "audio": {"input": PCMU, "output": PCMU}}
LOUD, QUIET = bytes((0x10, 0x90)) * 80, b"\xff" * 160
STUCK_TICKS = 200
STRANGE: tuple[Any, ...] = (None, True, 0, -1, 2**53, 1.5, "", "x" * 600, "=", [], {})
USUAL_FAILURES = ("closed", "unreachable", "timeout", "rate_limited", "expired", "closed", "closed")


class Face:
    """The core by its public names, wherever its modules stand."""

    def __init__(self) -> None:
        import msgspec

        self.msgspec = msgspec
        self.call = found("bot.call", "Call")
        self.settings = found("bot.call", "CallSettings")
        self.note = msgspec.json.Decoder(found("bot.call", "Note"))
        self.from_phone = found("bot.twilio", "parse_outbound").__globals__["parse"]
        self.from_model = found("bot.realtime", "parse_command").__globals__["parse"]

    def read(self, way: str, message: dict[str, Any]) -> Any:
        """The input that a message makes; None for one that is refused and has been told of."""
        text = json.dumps(message)
        if way == "note":
            return self.note.decode(text)
        try:
            return (self.from_phone if way == "phone>bot" else self.from_model)(text)
        except Exception as error:  # noqa: BLE001 - BadMessage or BadEvent, wherever it stands
            return self.note.decode(json.dumps({"note": "refused", "way": way, "kind": getattr(error, "kind", "odd")}))


def found(package: str, name: str) -> Any:
    """The first thing of this name in any module of the package."""
    root = importlib.import_module(package)
    for info in pkgutil.walk_packages(root.__path__, f"{package}."):
        module = importlib.import_module(info.name)
        if name in vars(module):
            return vars(module)[name]
    raise LookupError(f"{package} has no {name}")


@cache
def sound(ms: int, fill: int = 0x55) -> str:
    return base64.b64encode(bytes((fill,)) * (8 * ms)).decode()


_FRAMES = {talks: base64.b64encode(LOUD if talks else QUIET).decode() for talks in (True, False)}


def settings_of(rng: random.Random) -> dict[str, Any]:
    """Any settings that change what a call does, half of them as an operator has them."""
    dialect = rng.choice(["openai", "openai", "openai", "azure", "xai"])
    detection = {
        "type": rng.choice(["server_vad", "server_vad", "semantic_vad"]),
        "eagerness": rng.choice(["high", "auto"]),
    }
    session = {"dialect": dialect, "turn_detection": detection, "instructions": rng.choice(["", "Be kind."])}
    session["audio"] = rng.choice(["audio/pcmu"] * 6 + ["audio/pcm", "audio/pcma"])
    session["transcription_model"] = rng.choice(["", "gpt-4o-transcribe"])
    chosen: dict[str, Any] = {
        "session": session,
        "call_sid": rng.choice(["", CALL]),
        "response_s": rng.choice([8, 8, 3, 0]),
    }
    if rng.random() < 0.7:
        chosen["greeting"] = "Hello, how can I help?"
        if rng.random() < 0.3:
            chosen["greeting_audio"] = sound(rng.choice([300, 1_500]), 0x31)
    if rng.random() < 0.2:
        chosen |= {"announcement": "This call is recorded.", "announcement_audio": sound(800, 0x32)}
    if rng.random() < 0.5:
        chosen |= {"filler_audio": sound(500, 0x33), "filler_s": rng.choice([0.5, 2.0])}
    if rng.random() < 0.6:
        chosen["apology_audio"] = sound(700, 0x34)
    chosen["barge_in"] = rng.choice(["on", "on", "on", "after_greeting", "off"])
    chosen["max_call_s"] = rng.choice([3600, 3600, 12, 25, 0])
    chosen["idle_s"] = rng.choice([0, 0, 2, 5])
    chosen["no_progress_s"] = rng.choice([0, 0, 3, 8])
    if rng.random() < 0.4:
        chosen["money"] = money_of(rng)
    if rng.random() < 0.1:
        past = [{"number": 1, "who": "bot", "text": "Hello."}, {"number": 2, "who": "caller", "text": "A table."}]
        chosen |= {"resume": past, "elapsed_s": 5.0, "spent_nano_usd": 20_000_000}
    return chosen


def money_of(rng: random.Random) -> dict[str, Any]:
    tokens = {"per": "token", "text_in": 4_000, "audio_in": 32_000, "audio_out": 64_000, "audio_cached": 400}
    written = rng.choice([None, {"per": "minute", "nano_usd": 6_000_000}, tokens])
    model = rng.choice([tokens, tokens, {"per": "minute", "nano_usd": 50_000_000}, None])
    caps = {"call_cap": rng.choice([0, 30_000_000, 100_000_000]), "daily_cap": rng.choice([0, 500_000_000])}
    return {"model": model, "transcription": written, "line_minute": rng.choice([0, 8_500_000]), **caps}


class WildCall:
    """One call of a seed. `lines`: everything in and out; `outputs` and `ticks` are counted."""

    def __init__(self, face: Face, seed: int, *, full: bool = False) -> None:
        self.seed = seed
        self.lines: list[str] = []
        self.digest = hashlib.sha256()
        self.outputs = self.ticks = 0
        self._face, self._full = face, full
        self._rng = rng = random.Random(seed)
        chosen = settings_of(rng)
        self._say(f"settings {json.dumps(chosen)}")
        self._dialect = chosen["session"]["dialect"]
        self._call = face.call(face.msgspec.convert(chosen, face.settings))
        self._now_us = self._order = 0
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._beat_us = rng.choice([1, 1, 1, 10 * MS, 30 * MS, 400 * MS])
        """A Tick comes at the first beat from the deadline on, however many other Ticks there are."""
        self._ticked_us = -1
        self._ends_us = rng.choice([8, 20, 40, 70]) * SECOND
        self._delay_us = rng.choice([0, 20, 40, 150]) * MS
        self._trouble = rng.choice([0.0, 0.02, 0.1, 0.3])
        self._face_shown = ""
        self._phone, self._model = Phone(self), Model(self)

    # ---- for the peers ----

    @property
    def rng(self) -> random.Random:
        return self._rng

    @property
    def delay_us(self) -> int:
        return self._delay_us

    @property
    def now_us(self) -> int:
        return self._now_us

    @property
    def dialect(self) -> str:
        return str(self._dialect)

    @property
    def caller_talks(self) -> bool:
        return self._model.caller_talks

    def trouble(self, factor: float = 1.0) -> bool:
        """True when something goes wrong now, by chance."""
        return self._rng.random() < self._trouble * factor

    def after(self, us: float, happen: Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self._heap, (self._now_us + max(0, round(us)), self._order, happen))

    def feed(self, way: str, message: dict[str, Any]) -> None:
        if self.trouble(0.02):
            message = self._spoilt(message)
        self._give(way, self._face.read(way, message), message)

    # ---- the run ----

    def run(self) -> None:
        self._phone.begin()
        self._model.begin()
        self.after(self._ends_us, self._finish)
        ticks = 0
        while (self._heap or self._call.deadline_us is not None) and self._call.ended is None:
            due_us = self._tick_us()
            if due_us is not None and (not self._heap or due_us < self._heap[0][0]):
                ticks = ticks + 1 if due_us == self._ticked_us else 0
                if ticks > STUCK_TICKS:
                    self._say(f"{self._now_us} stuck", told=True)
                    break
                self._now_us = self._ticked_us = due_us
                self.ticks += 1
                self._give("note", self._face.note.decode('{"note": "tick"}'), {"note": "tick"})
            elif self._heap:
                at_us, _, happen = heapq.heappop(self._heap)
                self._now_us = max(at_us, self._now_us)
                happen()
        call = self._call
        self._say(f"counts {sorted(call.counts.items())} errors {sorted(call.errors.items())}", told=True)
        self._say(f"spent {call.spent_nano_usd} ended {call.ended}", told=True)

    def _tick_us(self) -> int | None:
        """The beat at which the next Tick is to come."""
        due_us, beat_us = self._call.deadline_us, self._beat_us
        if due_us is None:
            return None
        at_us = -(-max(due_us, self._now_us) // beat_us) * beat_us
        return at_us + (beat_us if at_us == self._ticked_us and beat_us > 1 else 0)

    def _give(self, way: str, item: Any, message: dict[str, Any]) -> None:
        if self._full:
            self._say(f"{self._now_us} {way} {json.dumps(message)[:300]}")
        for output in self._call.receive(item, self._now_us):
            self.outputs += 1
            told = self._face.msgspec.to_builtins(output)
            kind = type(output).__name__
            self._say(f"{self._now_us} out {kind} {json.dumps(told, default=str)}", told=True)
            self._phone.hears(kind, told)
            self._model.hears(kind, told)
        call = self._call
        shown = f"{getattr(call.state, 'value', '')} {call.wants_room} {call.announced} {call.started}"
        if shown != self._face_shown:
            self._face_shown = shown
            self._say(f"{self._now_us} shows {shown}", told=True)
        if call.wants_room:
            self._phone.drain()

    def _say(self, line: str, *, told: bool = False) -> None:
        """`told`: it counts, as something that the call has put out."""
        if told:
            self.digest.update(line.encode())
        if self._full:
            self.lines.append(line)

    def _spoilt(self, message: dict[str, Any]) -> dict[str, Any]:
        part = message = json.loads(json.dumps(message))
        key = self._rng.choice(sorted(part))
        while isinstance(part[key], dict) and part[key]:
            part = part[key]
            key = self._rng.choice(sorted(part))
        if key not in {"type", "event", "note", "streamSid", "failure", "way"}:
            part[key] = self._rng.choice(STRANGE)
        return message if "note" not in message else {"note": "session_alive"}

    def _finish(self) -> None:
        way, message = self._rng.choice(
            [
                ("phone>bot", {"event": "stop", "streamSid": SID}),
                ("note", {"note": "phone_closed", "clean": False, "code": 1006}),
                ("note", {"note": "shutdown", "reason": "drained"}),
                ("note", {"note": "model_closed", "failure": "bad_key", "code": 3000}),
            ]
        )
        self._give(way, self._face.read(way, message), message)
        if self._call.ended is None:
            self.after(5 * SECOND, self._finish)


class Phone:
    """The stream's side: frames, keys, and what becomes of media and marks."""

    def __init__(self, call: WildCall) -> None:
        self._call, self._rng = call, call.rng
        self._plays_until_us = 0
        self._marks: list[str] = []
        self._echoes = self._rng.choice(["honest"] * 6 + ["never", "at once", "late"])
        self._sends = self._rng.choice(["all", "all", "speech", "none"])
        self._began_us = 0
        self._full = False

    def begin(self) -> None:
        if not self._call.trouble(0.1):
            self._call.after(self._rng.choice([0, 200, 600, 2_500]) * MS, self._start)
        for _ in range(self._rng.choice([0, 0, 1, 4])):
            self._call.after(self._rng.random() * 30 * SECOND, self._oddity)

    def _start(self) -> None:
        form = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
        call_sid = "CA2" if self._call.trouble(0.05) else CALL
        part = {"streamSid": SID, "accountSid": ACCOUNT, "callSid": call_sid, "mediaFormat": form}
        self._began_us = self._call.now_us
        self._call.feed("phone>bot", {"event": "connected"})
        self._call.feed("phone>bot", {"event": "start", "start": part, "streamSid": SID})
        if self._sends != "none":
            self._frame()

    def _frame(self) -> None:
        call = self._call
        stall_ms = self._rng.choice([300, 900, 1_600]) if self._rng.random() < 0.001 else 0
        if self._sends == "all" or call.caller_talks:
            at_ms = (call.now_us - self._began_us) // MS // 20 * 20
            media = {"payload": _FRAMES[call.caller_talks], "timestamp": at_ms}
            call.feed("phone>bot", {"event": "media", "media": media, "streamSid": SID})
        call.after((20 + stall_ms) * MS, self._frame)

    def _oddity(self) -> None:
        sid = self._rng.choice([SID, SID, "MZ2"])
        way, message = self._rng.choice(
            [
                ("phone>bot", {"event": "dtmf", "dtmf": {"digit": "5"}, "streamSid": sid}),
                ("phone>bot", {"event": "mark", "mark": {"name": "e0.1"}, "streamSid": sid}),
                ("phone>bot", {"event": "mark", "mark": {"name": "e9.9"}, "streamSid": sid}),
                ("phone>bot", {"event": "start", "streamSid": SID, "start": {}}),
                ("phone>bot", {"event": "stop", "streamSid": "MZ2"}),
                ("note", {"note": "phone_full"}),
                ("note", {"note": "daily_spend", "nano_usd": self._rng.choice([0, 420_000_000, 600_000_000])}),
                ("note", {"note": "refused", "way": "phone>bot", "kind": "not_json"}),
                ("note", {"note": "session_alive"}),
                ("note", {"note": "tick"}),
            ]
        )
        self._call.feed(way, message)
        if message.get("note") == "phone_full":
            self.drain()

    def drain(self) -> None:
        if not self._full:
            self._full = True
            self._call.after(self._rng.choice([5, 60, 700]) * MS, self._room)

    def _room(self) -> None:
        self._full = False
        self._call.feed("note", {"note": "phone_room"})

    def hears(self, kind: str, told: dict[str, Any]) -> None:
        call = self._call
        arrives_us = call.now_us + call.delay_us
        if kind == "PlayMedia":
            ms = len(told["media"]["payload"]) * 3 // 4 / 8
            self._plays_until_us = max(self._plays_until_us, arrives_us) + round(ms * MS)
        elif kind == "SetMark":
            self._marks.append(told["mark"]["name"])
            played_us = max(self._plays_until_us, arrives_us) + call.delay_us - call.now_us
            wait_us = {"honest": played_us, "at once": 0, "late": played_us + 700 * MS}.get(self._echoes)
            if wait_us is not None:
                jitter_us = self._rng.random() * 10 * MS if self._echoes == "honest" else 0
                call.after(wait_us + jitter_us, lambda name=told["mark"]["name"]: self._echo(name))
        elif kind == "Clear":
            self._plays_until_us = arrives_us
            if self._echoes == "honest":
                call.after(2 * call.delay_us, lambda names=tuple(self._marks): [self._echo(name) for name in names])

    def _echo(self, name: str) -> None:
        if name in self._marks:
            self._marks.remove(name)
            self._call.feed("phone>bot", {"event": "mark", "mark": {"name": name}, "streamSid": SID})


class Model:
    """The sessions' side: what is asked of them, and a caller whom they hear."""

    def __init__(self, call: WildCall) -> None:
        self.caller_talks = False
        self._call, self._rng = call, call.rng
        self._session = 0
        self._number = 0
        self._active: str | None = None
        self._owns = call.dialect == "xai"
        self._appended_ms = 0.0
        self._mute = False
        """The session hangs."""

    # ---- the session ----

    def begin(self) -> None:
        call = self._call
        if call.trouble(0.2):
            call.after(self._rng.random() * 5 * SECOND, self._closed)
        self._later(self._rng.choice([50, 400, 3_000]) * MS, self._created)
        self._later(self._rng.choice([500, 2_000, 6_000]) * MS, self._speech)
        for _ in range(self._rng.choice([0, 1, 3])):
            call.after(self._rng.random() * 40 * SECOND, self._oddity)
        if call.trouble(2):
            call.after(self._rng.random() * 30 * SECOND, self._closed)

    def _later(self, us: float, happen: Callable[[], None]) -> None:
        """Unless the session is another by then, or hangs."""
        session = self._session
        self._call.after(us, lambda: happen() if session == self._session and not self._mute else None)

    def _tell(self, kind: str, **fields: Any) -> None:
        self._call.feed("model>bot", {"type": kind, **fields})

    def _created(self) -> None:
        if self._call.dialect == "xai":
            self._tell("conversation.created")
        self._tell("session.created", session=SESSION)

    def _updated(self) -> None:
        session = SESSION
        if self._call.trouble(0.1):
            pcm = {"format": {"type": self._rng.choice(["audio/pcm", "audio/pcma", "audio/opus"]), "rate": 24_000}}
            session = {**SESSION, "audio": {"input": pcm, "output": pcm}}
        self._tell("session.updated", session=session)

    def _closed(self) -> None:
        failure = self._rng.choice(USUAL_FAILURES)
        self._session += 1
        self._active = None
        self._call.feed("note", {"note": "model_closed", "failure": failure, "code": 1006, "reason": "gone"})

    def _oddity(self) -> None:
        code = self._rng.choice([None, "server_error", "response_cancel_not_active", "insufficient_quota", "made_up"])
        problem = {
            "type": self._rng.choice(["invalid_request_error", "server_error"]),
            "code": code,
            "message": "words",
        }
        problem["event_id"] = self._rng.choice([None, "create_1", "session_1", "delete_2"])
        expired = {**problem, "code": "session_expired"}
        within_s = self._rng.choice([-1, 2, 20, 60, 3600])
        choice = self._rng.randrange(9)
        if choice == 0:
            self._tell("error", error=problem)
        elif choice == 1:
            self._tell("error", error=expired if self._call.trouble() else problem)
        elif choice == 2:
            self._call.feed("note", {"note": "session_expires", "within_s": within_s})
        elif choice == 3:
            self._mute = self._call.trouble(3)
        elif choice == 4:
            self._tell("response.created", response={"id": "R_odd", "status": "in_progress"})
            self._tell("response.output_audio.delta", response_id="R_odd", item_id="odd", delta=sound(7_000))
            self._tell("response.done", response={"id": "R_odd", "status": self._rng.choice(["completed", "failed"])})
        elif choice == 5:
            self._tell("response.output_audio.delta", response_id="R_none", item_id="none", delta=sound(20))
        elif choice == 6:
            self._call.feed("note", {"note": "dial_failed", "failure": "unreachable"})
        elif choice == 7:
            self._tell("response.output_audio.done", response_id="R1", item_id="R1_a")
        else:
            self._call.feed("note", {"note": "session_waiting"})

    # ---- what is asked ----

    def hears(self, kind: str, told: dict[str, Any]) -> None:
        answer = getattr(self, f"_on_{kind}", None)
        if answer is not None and not self._mute:
            if told.get("event_id") and self._call.trouble(0.1):
                problem = {"type": "invalid_request_error", "code": "invalid_value", "event_id": told["event_id"]}
                self._later(self._call.delay_us, lambda: self._tell("error", error=problem))
            else:
                answer(told)

    def _on_UpdateSession(self, told: dict[str, Any]) -> None:  # noqa: N802 - named after the output
        detection = told["session"].get("audio", {}).get("input", {}).get("turn_detection")
        if detection is not None and self._call.dialect != "xai":
            self._owns = detection["create_response"]
        if not self._call.trouble(0.1):
            self._later(self._call.delay_us + 30 * MS, self._updated)

    def _on_AppendAudio(self, told: dict[str, Any]) -> None:  # noqa: N802
        self._appended_ms += len(told["audio"]) * 3 // 4 / 8

    def _on_CreateItem(self, told: dict[str, Any]) -> None:  # noqa: N802
        item = {key: told["item"][key] for key in ("id", "type", "role") if key in told["item"]}
        self._later(self._call.delay_us, lambda: self._tell("conversation.item.added", item=item))
        self._later(self._call.delay_us, lambda: self._tell("conversation.item.done", item=item))

    def _on_TruncateItem(self, told: dict[str, Any]) -> None:  # noqa: N802
        self._later(self._call.delay_us, lambda: self._tell("conversation.item.truncated", item_id=told["item_id"]))

    def _on_DeleteItem(self, told: dict[str, Any]) -> None:  # noqa: N802
        self._later(self._call.delay_us, lambda: self._tell("conversation.item.deleted", item_id=told["item_id"]))

    def _on_CreateResponse(self, told: dict[str, Any]) -> None:  # noqa: N802
        if self._call.trouble(0.4):  # it hangs: no sign of it
            return
        if self._active is not None:
            code = "conversation_already_has_active_response"
            problem = {"type": "invalid_request_error", "code": code, "event_id": told["event_id"]}
            self._later(self._call.delay_us, lambda: self._tell("error", error=problem))
            return
        metadata = told.get("response", {}).get("metadata")
        self._later(self._call.delay_us + 10 * MS, lambda: self._respond(metadata))

    def _on_CancelResponse(self, told: dict[str, Any]) -> None:  # noqa: N802
        if not self._call.trouble(0.3):
            self._later(self._call.delay_us, lambda: self._cancel(told["response_id"], "client_cancelled"))

    def _on_Dial(self, _: dict[str, Any]) -> None:  # noqa: N802
        failure = self._rng.choice([*USUAL_FAILURES, "bad_key"])
        failed = {"note": "dial_failed", "failure": failure, "code": 503, "reason": "no"}
        note = failed if self._call.trouble(2) else {"note": "session_waiting"}
        self._call.after(self._rng.choice([80, 500, 3_000]) * MS, lambda: self._call.feed("note", note))

    def _on_Adopt(self, _: dict[str, Any]) -> None:  # noqa: N802
        self._session += 1
        self._active, self._mute, self._appended_ms = None, False, 0.0
        self._owns = self._call.dialect == "xai"
        self._later(1, self._created)

    # ---- a response ----

    def _respond(self, metadata: dict[str, str] | None = None) -> None:
        if self._active is not None:
            return
        self._number += 1
        name = self._active = f"R{self._number}"
        created = {"id": name, "status": "in_progress", "metadata": metadata}
        self._tell("response.created", response=created)
        at_us = self._rng.choice([100, 300, 900]) * MS
        kind = self._rng.choice(["failed", "incomplete", "mute", "hangs"]) if self._call.trouble() else "speaks"
        kind = "calls" if kind == "speaks" and self._rng.random() < 0.12 else kind
        if kind in {"speaks", "incomplete", "hangs"}:
            for letter in "ab"[: self._rng.choice([1, 1, 1, 2])]:
                at_us = self._item(name, f"{name}_{letter}", at_us, breaks=kind == "hangs")
        if kind == "calls" or self._call.trouble(0.5):
            self._at(name, at_us, lambda: self._calls(name))
        if kind != "hangs":
            status = kind if kind in {"failed", "incomplete"} else "completed"
            self._at(name, at_us, lambda: self._done(name, status))

    def _at(self, name: str, us: float, happen: Callable[[], None]) -> None:
        """Unless the response is over by then."""
        self._later(us, lambda: happen() if self._active == name else None)

    def _item(self, name: str, item: str, at_us: int, *, breaks: bool) -> int:
        """An item's events from `at_us` on, and when they are over."""
        whole = {"id": item, "type": "message", "role": "assistant"}
        of = {"response_id": name, "item_id": item}
        self._at(name, at_us, lambda: self._tell("response.output_item.added", response_id=name, item=whole))
        self._at(name, at_us, lambda: self._tell("conversation.item.added", item=whole))
        self._at(name, at_us, lambda: self._tell("response.content_part.added", response_id=name))
        n_deltas, ms = self._rng.choice([1, 4, 12, 30]), self._rng.choice([20, 200, 200, 400])
        pace_us = self._rng.choice([0, ms * MS // 5, ms * MS // 5, ms * MS * 11 // 10])
        if self._call.trouble(0.05):
            ms = 7_000
        for number in range(n_deltas):
            text = f"{'word' if number else 'Word'} {number} "
            self._at(
                name, at_us, lambda text=text: self._tell("response.output_audio_transcript.delta", delta=text, **of)
            )
            self._at(name, at_us, lambda: self._tell("response.output_audio.delta", delta=sound(ms), **of))
            at_us += pace_us
        if breaks:
            return at_us
        for kind, more in (
            ("response.output_audio.done", of),
            ("response.output_audio_transcript.done", {**of, "transcript": "Word and word and all of it."}),
            ("conversation.item.done", {"item": {**whole, "status": "completed"}}),
            ("response.output_item.done", {"response_id": name, "item": {**whole, "status": "completed"}}),
        ):
            self._at(name, at_us, lambda kind=kind, more=more: self._tell(kind, **more))
        return at_us

    def _calls(self, name: str) -> None:
        function = self._rng.choice(["end_call", "end_call", "other"])
        item = {
            "id": f"fn_{name}",
            "type": "function_call",
            "status": "completed",
            "name": function,
            "call_id": f"c_{name}",
        }
        self._tell("response.output_item.done", response_id=name, item=item)

    def _done(self, name: str, status: str, reason: str | None = None) -> None:
        self._active = None
        details: dict[str, Any] | None = None if reason is None else {"type": status, "reason": reason}
        if status == "incomplete":
            details = {"type": status, "reason": self._rng.choice(["content_filter", "max_output_tokens"])}
        elif status == "failed":
            code = self._rng.choice(["server_error", "rate_limit_exceeded", "insufficient_quota"])
            details = {"type": status, "error": {"type": "server_error", "code": code, "message": "words"}}
        spoken = {"text_tokens": 20, "audio_tokens": 90}
        usage = {
            "input_tokens": 300,
            "output_tokens": 110,
            "input_token_details": spoken,
            "output_token_details": spoken,
        }
        done = {
            "id": name,
            "status": status,
            "status_details": details,
            "usage": None if self._call.trouble() else usage,
        }
        self._tell("response.done", response=done)
        self._tell("rate_limits.updated", rate_limits=[])

    def _cancel(self, name: str, reason: str) -> None:
        if self._active == name:
            self._done(name, "cancelled", reason)

    # ---- the caller ----

    def _speech(self) -> None:
        """The caller speaks, once and later again."""
        rng, call = self._rng, self._call
        self._number += 1
        item = f"U{self._number}"
        self.caller_talks = True
        length_us = rng.choice([200, 800, 2_500, 9_000]) * MS
        at_ms = max(0, round(self._appended_ms) - 300)
        call.after(length_us, self._silent)
        self._later(200 * MS, lambda: self._heard_begin(item, at_ms))
        if not call.trouble(0.3):
            self._later(length_us + 500 * MS, lambda: self._heard_end(item))
        call.after(length_us + rng.choice([1_500, 4_000, 9_000]) * MS, self._speech)

    def _silent(self) -> None:
        self.caller_talks = False

    def _heard_begin(self, item: str, at_ms: int) -> None:
        self._tell("input_audio_buffer.speech_started", audio_start_ms=at_ms, item_id=item)
        if self._owns and self._active is not None:
            self._cancel(self._active, "turn_detected")
        if self._call.dialect == "xai":
            grows = {"item_id": item, "transcript": "I would"}
            self._later(100 * MS, lambda: self._tell("conversation.item.input_audio_transcription.updated", **grows))

    def _heard_end(self, item: str) -> None:
        rng = self._rng
        self._tell("input_audio_buffer.speech_stopped", audio_end_ms=round(self._appended_ms), item_id=item)
        self._tell("input_audio_buffer.committed", item_id=item)
        self._tell("conversation.item.added", item={"id": item, "type": "message", "role": "user"})
        text = rng.choice(["", "Yes.", "I want a table for two.", f"What about {item}?"])
        wait_us = rng.choice([50, 400, 1_500]) * MS
        base = "conversation.item.input_audio_transcription"
        if self._call.trouble():
            problem = {"type": "server_error", "code": rng.choice(["audio_unintelligible", "model_not_found"])}
            self._later(wait_us, lambda: self._tell(f"{base}.failed", item_id=item, error=problem))
        elif rng.random() < 0.8:
            usage = rng.choice([{"type": "duration", "seconds": 3}, {"type": "tokens", "input_tokens": 40}, None])
            told = {"item_id": item, "transcript": text, "usage": usage}
            if self._call.dialect == "xai" and rng.random() < 0.5:
                self._later(wait_us // 2, lambda: self._tell(f"{base}.completed", **{**told, "status": "in_progress"}))
            self._later(wait_us, lambda: self._tell(f"{base}.completed", **told))
        if self._owns and not self._call.trouble(0.3):
            self._later(20 * MS, self._respond)


# ---- the lines that are run --------------------------------------------------------------------------------------------


class LinesRun:
    """Recorder of the lines under `root` that are run."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._seen: dict[CodeType, set[int]] = {}

    def watch(self) -> None:
        sys.settrace(self._entered)

    def _entered(self, frame: FrameType, event: str, _: Any) -> Any:
        code = frame.f_code
        if not code.co_filename.startswith(self._root):
            return None
        seen = self._seen.setdefault(code, {frame.f_lineno})

        def line(frame: FrameType, event: str, _: Any) -> Any:
            if event == "line":
                seen.add(frame.f_lineno)
            return line

        return line

    def tell(self) -> Iterator[str]:
        """The share of each file, the worst first, and of all."""
        run_in: dict[str, set[int]] = {}
        for code, lines in self._seen.items():
            run_in.setdefault(code.co_filename, set()).update(lines)
        told, ran, there = [], 0, 0
        for path in sorted(Path(self._root).rglob("*.py")):
            lines = _lines_of(compile(path.read_text(), str(path), "exec"))
            missed = sorted(lines - run_in.get(str(path), set()))
            ran, there = ran + len(lines) - len(missed), there + len(lines)
            if missed:
                told.append((len(missed) / len(lines), f"{path.name}: not run {', '.join(map(str, missed))}"))
        yield from (line for _, line in sorted(told, reverse=True))
        yield f"{ran} of {there} lines in functions were run: {100 * ran / max(there, 1):.1f} %"


def _lines_of(code: CodeType, *, inside: bool = False) -> set[int]:
    """The lines of functions: a module's own are run by its import."""
    own = (
        {line for _, _, line in code.co_lines() if line is not None and line != code.co_firstlineno}
        if inside
        else set()
    )
    for part in code.co_consts:
        if isinstance(part, CodeType):
            own |= _lines_of(part, inside=bool(part.co_flags & 0x02))
    return own


def main(arguments: list[str]) -> None:
    checkout, first, n_calls = Path(arguments[0]).resolve(), int(arguments[1]), int(arguments[2])
    sys.path[0] = str(checkout)
    lines = LinesRun(checkout / "bot" / "call")
    face = Face()
    ours = Path(sys.modules["bot"].__path__[0]).resolve()
    if ours != checkout / "bot":
        raise SystemExit(f"the core is of {ours}, not of {checkout}")
    if "--lines" in arguments:
        lines.watch()
    for seed in range(first, first + n_calls):
        call = WildCall(face, seed, full="--full" in arguments)
        try:
            call.run()
        except Exception as error:  # noqa: BLE001 - a defect is an outcome too
            call.digest.update(type(error).__name__.encode())
            call.lines.append(f"raises {type(error).__name__}: {error}")
        if "--full" in arguments:
            print("\n".join(call.lines), flush=True)
        elif "--lines" not in arguments:
            print(seed, call.digest.hexdigest()[:16], call.outputs, call.ticks, flush=True)
    sys.settrace(None)
    if "--lines" in arguments:
        print("\n".join(lines.tell()))


if __name__ == "__main__":
    main(sys.argv[1:])
