"""Calls recorded by the real server over real sockets."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot.audio import mulaw
from bot.audio.wav import StereoWriter
from bot.recording.files.recorder import Recorder
from bot.recording.fixture import read_fixture
from bot.server.calls.live_call import LiveCall
from bot.testing import assert_replays
from bot.testing.agent import Reply, Spoken, pattern
from tests.proof.recorded_sound import tracks
from tests.server.simulated_server import QUICK, ServerUnderTest, a_phone, heard, standing, until

LONG = Reply([Spoken(pattern(1_200, "long"), "A long greeting.")], pacing=QUICK)
SHORT = Reply([Spoken(pattern(50, "short"), "Yes.")], pacing=QUICK)


def watched(desk: ServerUnderTest) -> list[Recorder]:
    """The recorders of the calls to come."""
    recorders: list[Recorder] = []

    def started(live: LiveCall) -> None:
        assert live.bridge.recorder is not None
        recorders.append(live.bridge.recorder)

    desk.calls.directory.on_start.append(started)
    return recorders


async def whole_call(desk: ServerUnderTest, ms: int, spoken: bytes = b"") -> tuple[Recorder, Any]:
    """A caller who says `spoken` at once, and hangs up when `ms` of the bot's audio have been played."""
    (recorders, phone) = watched(desk), a_phone()
    phone.say(spoken, 0)
    calling = asyncio.create_task(desk.dial(phone))
    try:
        await until(lambda: len(heard(phone)) >= ms * 8 and phone.playout.next_us is None)
        phone.hang_up(0)
        await calling
    finally:
        calling.cancel()
    await desk.quiet()
    assert await asyncio.to_thread(recorders[0].wait, 5)
    return recorders[0], phone


def notice(path: Path, ms: int) -> tuple[Path, bytes]:
    """A WAV to announce, and its mu-law as it is read back."""
    audio = pattern(ms, "notice")
    with StereoWriter(path) as wav:
        wav.write(audio, audio)
    return path, audio


async def test_a_call_is_kept_as_a_fixture_and_as_a_wav_side_by_side(tmp_path: Path) -> None:
    audio, spoken = LONG.items[0].audio, pattern(800, "caller")
    async with standing(
        LONG, SHORT, BOT_RECORD="fixture,audio", BOT_RECORD_DIR=str(tmp_path), BOT_BARGE_IN="off"
    ) as desk:
        recorder, _ = await whole_call(desk, 1_250, spoken)
        assert len(desk.logged("recording_started")) == 1
    files = dict(recorder.made())
    assert {path.name.removesuffix(".jsonl").removesuffix(".wav") for path in files.values()} == {files["fixture"].stem}
    assert [path.stat().st_mode & 0o777 for path in files.values()] == [0o600] * 2
    assert_replays(files["fixture"])
    left, right = tracks(files["recording"])
    assert mulaw.decode(spoken) in left
    pieces = [mulaw.decode(audio[at : at + 800]) for at in range(0, len(audio), 800)]
    assert sum(piece in right for piece in pieces) >= len(pieces) - 2  # where the machine stalled there is a pause
    assert len(left) == len(right)


async def test_nobody_is_recorded_before_the_announcement_was_heard(tmp_path: Path) -> None:
    path, _ = notice(tmp_path / "notice.wav", 400)
    spoken = pattern(1_500, "caller")
    env = {
        "BOT_RECORD": "fixture,audio",
        "BOT_RECORD_DIR": str(tmp_path / "calls"),
        "BOT_ANNOUNCEMENT": "This call is recorded.",
        "BOT_ANNOUNCEMENT_AUDIO": str(path),
        "BOT_BARGE_IN": "off",
    }
    async with standing(LONG, SHORT, **env) as desk:
        recorder, phone = await whole_call(desk, 400 + 1_200, spoken)
        (heard_at,), (started,) = desk.logged("announcement_heard"), desk.logged("recording_started")
        assert desk.logs.index(heard_at) < desk.logs.index(started)
    files = dict(recorder.made())
    assert_replays(files["fixture"])
    left, _ = tracks(files["recording"])
    begun = mulaw.decode(spoken).find(left[1_600:1_920])  # 100 ms in
    assert begun >= 2 * 8 * (100 + 400 - 40)  # the first frame comes up to two frames after the stream's start
    assert heard(phone).startswith(pattern(400, "notice"))


async def test_a_frame_that_meets_a_defect_of_ours_is_in_the_fixture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with standing(BOT_RECORD="fixture", BOT_RECORD_DIR=str(tmp_path)) as desk, desk.stream() as hand:
        await until(lambda: hand.bridge.call.uplink.ready)
        monkeypatch.setattr(hand.bridge.call.uplink, "frame", lambda *_: 1 / 0)
        await hand.socket.send_str(hand.frame(0, b"\x55" * 160))
        await until(lambda: hand.bridge.call.ended)
        recorder = hand.bridge.recorder
        assert recorder is not None
        assert await asyncio.to_thread(recorder.wait, 5)
        assert len(desk.logged("internal_error")) == 1
        desk.logs.clear()
    (fixture,) = (read_fixture(path) for kind, path in recorder.made() if kind == "fixture")
    assert [line.way for line in fixture.lines if b'"media"' in bytes(line.message) and line.way == "phone>bot"]
    assert [bytes(line.message) for line in fixture.lines if line.way == "note"][-1] == (
        b'{"note":"shutdown","reason":"internal_error"}'
    )


async def test_a_directory_that_goes_away_costs_the_recording_and_not_the_call(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    async with standing(BOT_RECORD="audio", BOT_RECORD_DIR=str(calls)) as desk:
        calls.write_text("in the way")
        recorder, _ = await whole_call(desk, 200)
        assert desk.reasons == ["caller_hung_up"]
        (line,) = desk.logged("recording_failed")
        assert line["call_sid"].startswith("CA")
    assert recorder.failed
    assert recorder.made() == []
