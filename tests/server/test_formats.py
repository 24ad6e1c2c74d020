"""Whole calls with sessions of every dialect, that hear and speak what was asked for or something else."""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pytest

from bot.audio.transcode import Format, from_line, to_line
from bot.realtime.session import Dialect
from bot.testing import assert_replays
from bot.testing.agent import Reply, Spoken, pattern
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.handset.script import HangUp, Heard, Say, Script, Step
from bot.testing.model import Behaviour, SimulatedModel
from bot.testing.model.server import Door
from tests.server.simulated_server import (
    API_KEY,
    GREETING,
    QUICK,
    ServerUnderTest,
    a_phone,
    all_written,
    heard,
    standing,
    until,
)
from tests.server.test_recording import watched

PCMU, PCMA = {"type": "audio/pcmu"}, {"type": "audio/pcma"}
PCM = {"type": "audio/pcm", "rate": 24_000}
VOICE = pattern(400, "caller")
LONG = Reply([Spoken(pattern(3_000, "long"), "A long story about a short day.")], pacing=QUICK)
SHORT = Reply([Spoken(pattern(200, "short"), "Yes.")], pacing=QUICK)
BYTES_PER_MS = {"audio/pcmu": 8, "audio/pcma": 8, "audio/pcm": 48}
XAI = {"OPENAI_REALTIME_MODEL": "grok-voice-latest"}


class Case(NamedTuple):
    """A dialect, what BOT_MODEL_AUDIO asks for, and what of it the server does differently."""

    dialect: Dialect
    asked: Literal["pcmu", "pcma", "pcm"]
    forced: dict[str, Any] | None = None
    sides: tuple[Literal["input", "output"], ...] = ("input", "output")

    @property
    def formats(self) -> tuple[Format, Format]:
        """Formats that the session then hears and speaks."""
        asked: Format = f"audio/{self.asked}"  # type: ignore[assignment]
        forced: Format = asked if self.forced is None else self.forced["type"]
        heard, spoken = (forced if side in self.sides else asked for side in ("input", "output"))
        return heard, spoken


CASES = [
    Case("openai", "pcmu"),
    Case("openai", "pcma"),
    Case("openai", "pcm"),
    Case("openai", "pcmu", PCMA),
    Case("openai", "pcmu", PCM),
    Case("openai", "pcmu", PCM, ("input",)),
    Case("openai", "pcmu", PCM, ("output",)),
    Case("openai", "pcm", PCMU),
    Case("azure", "pcmu"),
    Case("azure", "pcm"),
    Case("azure", "pcma", PCM),
    Case("xai", "pcmu"),
    Case("xai", "pcma"),
    Case("xai", "pcm"),
    Case("xai", "pcmu", PCM),
]


def name(case: Case) -> str:
    forced = "" if case.forced is None else f", {case.forced['type']} {'+'.join(case.sides)} given"
    return f"{case.dialect}, {case.asked} asked{forced}"


@pytest.mark.parametrize("dialect", ["openai", "azure", "xai"])
async def test_a_whole_call_is_heard_on_both_sides_and_cut_to_the_millisecond(dialect: Dialect, tmp_path: Path) -> None:
    """The calls of a dialect at once."""
    async with asyncio.TaskGroup() as group:
        for case in CASES:
            if case.dialect == dialect:
                group.create_task(named(case, whole_call(case, tmp_path / name(case).replace("/", " "))))


async def named(case: Case, calling: Awaitable[None]) -> None:
    try:
        await calling
    except Exception as error:
        error.add_note(name(case))
        raise


async def whole_call(case: Case, directory: Path) -> None:
    behaviour = Behaviour(forced_format=case.forced, forced_sides=case.sides, caller_words=["wait a moment"])
    env = {"BOT_MODEL_AUDIO": case.asked, "BOT_RECORD": "fixture", "BOT_RECORD_DIR": str(directory)}
    env |= XAI if case.dialect == "xai" else {}
    async with standing(LONG, SHORT, behaviour=behaviour, dialect=case.dialect, **env) as desk:
        recorders = watched(desk)
        phone = a_phone(script=Script([Step(Heard(1_400), Say(VOICE)), Step(Heard(50), HangUp())]))
        result = await desk.dial(phone)
        assert (result.ending, result.failure) == ("caller_hung_up", "")
        await desk.quiet()
        (session,) = desk.model.sessions
        entries = [one for one in desk.logged("transcoding") if one["call_sid"] == phone.ids.call_sid]
        told = [(entry["heard"], entry["spoken"]) for entry in entries]
        assert told == ([] if case.formats == ("audio/pcmu", "audio/pcmu") else [case.formats])
        loudness = {entry["log_level"] for entry in entries}
        assert loudness == ({"info" if case.forced is None else "warning"} if told else set())
        the_caller_hears(session, phone, case.formats[1])
        the_session_hears(session, case.formats[0])
        if case.dialect == "xai":  # which knows no truncation
            assert (session.truncations, len(phone.clears)) == ([], 1)
        else:
            the_cut_is_told(session, phone)
    assert await asyncio.to_thread(recorders[0].wait, 5)
    await asyncio.to_thread(replays, directory)


def replays(directory: Path) -> None:
    """The core saw mu-law alone: the call replays without any transcoding."""
    all_written()
    (fixture,) = directory.glob("*.call.jsonl*")
    assert_replays(fixture)


def the_caller_hears(session: SimulatedModel, phone: SimulatedPhone, spoken: Format) -> None:
    """Both replies, each from its first byte as if it had been made in one piece; the first was cut on its way."""
    replies = [
        on_the_line(session.spoken(entry.item_id), spoken) for entry in session.memory() if entry.role == "assistant"
    ]
    first, second = replies
    came = heard(phone)
    assert came.endswith(second)
    assert first.startswith(came[: -len(second)])
    assert len(came) - len(second) >= 300 * 8


def on_the_line(audio: bytes, spoken: Format) -> bytes:
    convert = to_line(spoken)
    return audio if convert is None else b64decode(convert(b64encode(audio).decode()))


def the_session_hears(session: SimulatedModel, kind: Format) -> None:
    """Assert that each of the caller's frames arrived but for its first millisecond, in which a filter settles."""
    convert = from_line(kind)
    said = VOICE if convert is None else b64decode(convert(b64encode(VOICE).decode()))
    came, per_ms = bytes(session.heard), BYTES_PER_MS[kind]
    for at_ms in range(0, len(VOICE) // 8, 20):  # between two frames there is a pause where the machine stalled
        assert said[(at_ms + 1) * per_ms : (at_ms + 20) * per_ms] in came


def the_cut_is_told(session: SimulatedModel, phone: SimulatedPhone) -> None:
    """The session took the one truncation, which is about where the caller spoke, in milliseconds of its own audio."""
    (cut,) = session.truncations
    assert cut.accepted
    assert len(phone.clears) == 1
    assert 300 <= cut.audio_end_ms <= len(heard(phone)) // 8
    assert session.memory()[0].truncated


async def test_a_format_that_nobody_here_speaks_is_refused_loudly() -> None:
    sessions = iter([Behaviour(forced_format={"type": "audio/pcm", "rate": 16_000})])
    async with standing(behaviour=lambda: next(sessions, Behaviour())) as desk:
        phone = a_phone()
        await desk.dial(phone)
        await desk.quiet()
        assert (heard(phone), desk.reasons) == (b"", ["model_unavailable"])
        assert "input audio/pcm at 16000 Hz" in desk.logged("format_mismatch")[0]["why"]
        await desk.works()


async def azure_call(door: Door) -> tuple[ServerUnderTest, list[str]]:
    async with standing(door=door, dialect="azure") as desk:
        phone = a_phone()
        calling = asyncio.create_task(desk.dial(phone))
        await until(lambda: len(heard(phone)) >= len(GREETING.items[0].audio) or calling.done())
        phone.hang_up(0)
        await calling
        await desk.quiet()
        return desk, [entry["failure"] for entry in desk.logged("model_closed")]


async def test_azure_is_given_the_key_in_its_own_header_and_the_deployment_as_model() -> None:
    desk, failures = await azure_call(Door(keys=frozenset({API_KEY}), models=frozenset({"gpt-realtime-2.1"})))
    assert (desk.reasons, failures) == (["caller_hung_up"], [])


@pytest.mark.parametrize(
    ("door", "failure"),
    [(Door(keys=frozenset({"another"})), "bad_key"), (Door(models=frozenset({"another"})), "unknown_model")],
)
async def test_what_azure_refuses_is_named(door: Door, failure: str) -> None:
    desk, failures = await azure_call(door)
    assert (desk.reasons, failures) == (["model_unavailable"], [failure])


async def test_an_idle_session_of_xai_is_ready_before_anybody_calls() -> None:
    async with standing(dialect="xai", BOT_WARM_SESSIONS="1", BOT_MODEL_AUDIO="pcm", **XAI) as desk:
        await until(lambda: len(desk.calls.starter.pool) == 1)
        phone = a_phone()
        calling = asyncio.create_task(desk.dial(phone))
        await until(lambda: len(heard(phone)) >= len(GREETING.items[0].audio) or calling.done())
        phone.hang_up(0)
        await calling
        await until(lambda: len(desk.calls.starter.pool) == 1)
        assert desk.reasons == ["caller_hung_up"]
