"""The stereo recording: who stands where, what a crash leaves, what it costs in memory."""

from __future__ import annotations

import base64
import os
import random
import shutil
import subprocess
import sys
import wave
from pathlib import Path

import pytest

from bot.audio import mulaw
from bot.audio.wav import HEADER_BYTES
from bot.call.call import Call
from bot.call.inputs import Tick
from bot.call.settings import CallSettings
from bot.recording.files.audio_file import HOLD_US, AudioFile
from bot.recording.files.call_file import Row, Standing
from bot.testing.agent import ScriptedAgent, Spoken, pattern
from bot.testing.handset.microphone import Microphone
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.model import Behaviour, SimulatedModel, SpeechAt
from bot.testing.network.line import Line
from bot.testing.virtual.scheduler import VirtualCall
from bot.twilio.stream import Clear, OutPart, PlayMedia
from tests.proof.recorded_sound import tracks
from tests.recording import records_sample as sample
from tests.recording.recorded_core import Overheard

MS = 1_000
SID = sample.STREAM
QUIET = b"\xff"


def standing(us: int, *, announced: bool = True, late_ms: int = 0) -> Row:
    return us, "standing", Standing(SID, announced, ready=True, late_us=late_ms * MS), 0


def frame(us: int, timestamp_ms: int, audio: bytes) -> Row:
    return us, "phone>bot", sample.caller_frame(sample.media(timestamp_ms, audio)), 0


def media(us: int, audio: bytes) -> Row:
    return us, "bot>phone", PlayMedia(SID, OutPart(base64.b64encode(audio).decode())), 0


def clear(us: int) -> Row:
    return us, "bot>phone", Clear(SID), 0


def tick(us: int) -> Row:
    return us, "note", Tick(), 0


def loud(ms: int, seed: str = "") -> bytes:
    return pattern(ms, seed)


def quiet(ms: int) -> bytes:
    return QUIET * (ms * 8)


def sides(path: Path) -> tuple[bytes, bytes]:
    """Both sides as mu-law."""
    left, right = tracks(path)
    return mulaw.encode(left), mulaw.encode(right)


def recorded(path: Path, *rows: Row) -> tuple[bytes, bytes]:
    """Both sides of a recording of `rows`, flushed after each."""
    file = AudioFile(path)
    for row in rows:
        file.write([row])
        file.flush(over=False)
    file.flush(over=True)
    file.close()
    return sides(file.path)


# ---- the caller ----


def test_the_caller_stands_where_their_timestamps_say(tmp_path: Path) -> None:
    """A gap is silence; a burst behind it keeps its distances."""
    one, two, three = (loud(20, str(n)) for n in range(3))
    left, right = recorded(
        tmp_path / "a.call.wav",
        standing(0),
        frame(50 * MS, 5, one),
        frame(70 * MS, 25, two),
        frame(400 * MS, 145, three),
        tick(500 * MS),
    )
    assert left == quiet(50) + one + two + quiet(100) + three + quiet(290)
    assert right == quiet(500)


def test_the_frame_that_took_least_sets_the_clock_before_anything_is_written(tmp_path: Path) -> None:
    one, two = loud(20, "1"), loud(20, "2")
    left, _ = recorded(
        tmp_path / "a.call.wav", standing(0), frame(130 * MS, 0, one), frame(130 * MS, 20, two), tick(200 * MS)
    )
    assert left == quiet(110) + one + two + quiet(50)


@pytest.mark.parametrize("late_ms", [300, 3_000])
def test_late_frames_come_into_their_place_even_where_silence_was_written(tmp_path: Path, late_ms: int) -> None:
    frames = [loud(20, str(n)) for n in range(100)]
    rows = [frame(n * 20 * MS, n * 20, audio) for n, audio in enumerate(frames[:50])]
    burst_us = 1_000 * MS + late_ms * MS
    ticks = [tick(us) for us in range(1_000 * MS, burst_us, 100 * MS)]
    burst = [frame(burst_us, n * 20, frames[n]) for n in range(50, 100)]
    heard = [media(1_100 * MS, spoken := loud(500, "bot"))]
    path = tmp_path / "a.call.wav"
    left, right = recorded(path, standing(0), *rows, *ticks[:1], *heard, *ticks[1:], *burst, tick(burst_us + 900 * MS))
    assert left[: 2_000 * 8].removesuffix(QUIET) == b"".join(frames)[: len(left)].removesuffix(QUIET)
    assert right[1_100 * 8 : 1_600 * 8] == spoken
    assert not right[: 1_100 * 8].strip(QUIET)
    assert not right[1_600 * 8 :].strip(QUIET)


def test_first_words_that_were_read_late_are_not_lost(tmp_path: Path) -> None:
    """The server stood still while the stream began: the recording begins with the stream."""
    frames = [loud(20, str(n)) for n in range(50)]
    burst = [frame(1_000 * MS, 20 * n, audio) for n, audio in enumerate(frames)]
    heard = loud(100, "bot")
    left, right = recorded(
        tmp_path / "a.call.wav", standing(1_000 * MS), *burst, media(1_000 * MS, heard), tick(1_200 * MS)
    )
    assert left == b"".join(frames) + quiet(180)
    assert right == quiet(980) + heard + quiet(100)


def test_a_timestamp_out_of_reason_is_a_clock_of_its_own(tmp_path: Path) -> None:
    one, two, three = (loud(20, str(n)) for n in range(3))
    left, _ = recorded(
        tmp_path / "a.call.wav",
        standing(0),
        frame(20 * MS, 0, one),
        frame(40 * MS, 2**52, two),
        frame(60 * MS, 2**52 + 20, three),
        tick(100 * MS),
    )
    assert left == quiet(20) + one + two + three + quiet(20)


def test_frames_of_another_stream_and_from_before_the_recording_are_not_in_it(tmp_path: Path) -> None:
    before, half, foreign = loud(20, "before"), loud(20, "half"), loud(20, "foreign")
    early = [standing(0, announced=False), frame(0, 0, before)]
    late = frame(40 * MS, 20, half)  # of 20 ms, of which 10 were spoken before
    other: Row = (45 * MS, "phone>bot", sample.caller_frame(sample.media(60, foreign).replace(SID, "MZ" + "0" * 32)), 0)
    left, _ = recorded(tmp_path / "a.call.wav", *early, standing(30 * MS), late, other, tick(100 * MS))
    assert left == half[80:] + quiet(60)


def test_a_caller_who_is_muted_at_first_is_recorded_from_their_first_frame_on(tmp_path: Path) -> None:
    """Nothing has come when the first stretch is written: the clock is set by what comes then."""
    first, second = loud(20, "first"), loud(20, "second")
    rows = [standing(0), tick(1_000 * MS), frame(1_510 * MS, 90_000, first), frame(1_530 * MS, 90_020, second)]
    left, _ = recorded(tmp_path / "a.call.wav", *rows, tick(2_000 * MS))
    assert left == quiet(1_510) + first + second + quiet(450)


def test_the_caller_of_a_whole_call_over_a_line_with_jitter_and_a_stall(tmp_path: Path) -> None:
    """Every frame at its place, the gap of a mute as silence: the microphone's own account, frame for frame."""
    microphone = Microphone()
    phone = SimulatedPhone(microphone=microphone)
    phone.say(loud(4_000, "caller"), 500 * MS)
    phone.hang_up(6_000 * MS)
    core = Overheard(Call(CallSettings()), [file := AudioFile(tmp_path / "a.call.wav")])
    line = Line(60 * MS, 40 * MS, random.Random(7), stalls=[(2_000 * MS, 900 * MS)])
    VirtualCall(core, phone, SimulatedModel(ScriptedAgent([Spoken(b"")]), Behaviour()), in_line=line).run()
    core.finish()
    left, _ = sides(file.path)
    spoken = loud(4_000, "caller")
    begin = left.find(spoken[:400])
    assert begin > 0
    assert left[begin : begin + len(spoken)] == spoken


# ---- the bot ----


def test_the_bot_stands_where_it_was_heard_and_a_clear_cuts_it(tmp_path: Path) -> None:
    first, second = loud(1_000, "1"), loud(500, "2")
    left, right = recorded(
        tmp_path / "a.call.wav",
        standing(0),
        media(100 * MS, first[: 400 * 8]),
        media(150 * MS, first[400 * 8 :]),
        clear(700 * MS),
        media(1_000 * MS, second),
        tick(3_000 * MS),
    )
    assert right == quiet(100) + first[: 600 * 8] + quiet(300) + second + quiet(1_500)
    assert left == quiet(3_000)


def test_what_is_known_to_play_later_stands_later(tmp_path: Path) -> None:
    """A prebuffer that a mark tells of in time moves the start; one that was learned before is there at once."""
    first, second = loud(600, "1"), loud(400, "2")
    _, right = recorded(
        tmp_path / "a.call.wav",
        standing(0),
        media(100 * MS, first),
        standing(430 * MS, late_ms=120),
        tick(1_000 * MS),
        media(1_500 * MS, second),
        clear(1_800 * MS),
        tick(2_000 * MS),
    )
    assert right == quiet(220) + first + quiet(800) + second[: 180 * 8] + quiet(200)


def test_a_stall_that_is_known_too_late_is_a_pause_where_the_file_had_got_to(tmp_path: Path) -> None:
    spoken = loud(3_000)
    path = tmp_path / "a.call.wav"
    _, right = recorded(
        path, standing(0), media(0, spoken), tick(2_000 * MS), standing(2_000 * MS, late_ms=300), tick(4_000 * MS)
    )
    got_to = (2_000 * MS - HOLD_US) // 125 + 1  # a sample more is taken than is written
    assert right == spoken[:got_to] + quiet(300) + spoken[got_to:] + quiet(700)


def test_nobody_is_recorded_before_the_announcement_was_heard(tmp_path: Path) -> None:
    """The rest of what plays is there from then on; without that moment there is no file at all."""
    notice, greeting, before, after = loud(1_000, "n"), loud(500, "g"), loud(20, "before"), loud(20, "after")
    rows = [
        standing(0, announced=False),
        media(0, notice),
        media(50 * MS, greeting),
        frame(500 * MS, 500, before),
        standing(1_020 * MS),
        frame(1_200 * MS, 1_200, after),
        tick(2_000 * MS),
    ]
    left, right = recorded(tmp_path / "a.call.wav", *rows)
    assert left == quiet(180) + after + quiet(780)
    assert right == greeting[20 * 8 :] + quiet(500)
    file = AudioFile(tmp_path / "none.call.wav")
    file.write(rows[:4])
    file.flush(over=True)
    file.close()
    assert not file.made
    assert not file.path.exists()


def test_a_whole_call_with_an_announcement_is_recorded_from_its_end_on(tmp_path: Path) -> None:
    settings = CallSettings(
        announcement="This call is recorded.", announcement_audio=base64.b64encode(loud(2_000, "notice")).decode()
    )
    phone = SimulatedPhone()
    phone.say(loud(5_000, "caller"), 0)
    phone.hang_up(6_000 * MS)
    model = SimulatedModel(ScriptedAgent([Spoken(loud(500))]), Behaviour(), speech=[SpeechAt(1_000 * MS, 1_400 * MS)])
    core = Overheard(Call(settings), [file := AudioFile(tmp_path / "a.call.wav")])
    VirtualCall(core, phone, model, start_us=300 * MS).run()
    core.finish()
    assert core.began_us is not None
    assert 2_300 * MS <= core.began_us <= 2_350 * MS
    left, right = sides(file.path)
    spoken = b"".join(one.audio for one in phone.sent_frames)
    assert left[:8_000] in spoken
    assert spoken.find(left[:8_000]) >= 2_000 * 8 - 160
    assert loud(2_000, "notice")[-400:] not in right


# ---- the file ----


def conversation(seconds: int) -> list[Row]:
    """Somebody speaks, and the bot, in turns of a second."""
    rows = [standing(0)]
    for second in range(seconds):
        us = second * 1_000 * MS
        rows += [frame(us + n * 20 * MS, second * 1_000 + n * 20, loud(20, f"{second}.{n}")) for n in range(50)]
        rows.append(media(us + 980 * MS, loud(1_000, f"bot {second}")))
    return sorted(rows, key=lambda row: row[0])


def test_it_plays_after_every_flush_up_to_what_is_held_back(tmp_path: Path) -> None:
    file = AudioFile(tmp_path / "a.call.wav")
    for row in conversation(4):
        file.write([row])
        if row[0] % (500 * MS) == 0:
            file.flush(over=False)
            if file.made:
                with wave.open(str(file.path), "rb") as read:
                    assert read.getnframes() == (row[0] - HOLD_US) // 125
                assert file.path.stat().st_size == 44 + 4 * ((row[0] - HOLD_US) // 125)
    file.flush(over=True)
    file.close()
    with wave.open(str(file.path), "rb") as read:
        assert read.getnframes() == 3_980 * 8
    assert file.path.stat().st_mode & 0o777 == 0o600


def test_sox_takes_it_as_it_stands_in_the_middle_of_a_call(tmp_path: Path) -> None:
    sox = shutil.which("sox")
    if sox is None:
        pytest.skip("sox is not installed")
    file = AudioFile(tmp_path / "a.call.wav")
    file.write(conversation(3))
    file.flush(over=False)
    told = subprocess.run([sox, str(file.path), "-n", "stat"], capture_output=True, text=True, check=True).stderr
    file.close()
    assert "WARN" not in told
    assert f"Length (seconds): {(2_980 * MS - HOLD_US) / 1e6:.6f}" in " ".join(told.split())


CRASHING = """
import sys
from pathlib import Path
from bot.recording.files.recorder import Recorder
from bot.recording.files.audio_file import AudioFile
from bot.twilio import stream
from tests.call.scripted_call import ScriptedCall
from tests.recording import records_sample as sample
from tests.recording.files.test_audio_file import conversation

desk = ScriptedCall()
desk.call.playout.stream_sid = sample.STREAM
recorder = Recorder([AudioFile(Path(sys.argv[1]))])
recorder.follow(desk.call, 0)
for us, way, raw, _ in conversation(5)[1:]:
    if way == "phone>bot":
        text = sample.media(raw.timestamp_ms, raw.audio)
        recorder.frame(us, text.encode(), sample.parsed_frame(text), [])
    else:
        recorder.output(us, raw)
print("fed", flush=True)
sys.stdin.read()
"""


def told_ms(path: Path) -> int:
    """Length that the file's head tells, in ms, which a player goes by. It is written after the audio."""
    head = path.read_bytes()[:HEADER_BYTES] if path.exists() else b""
    return int.from_bytes(head[-4:], "little") // 32 if len(head) == HEADER_BYTES else 0


def test_a_killed_process_leaves_all_but_the_last_second(tmp_path: Path) -> None:
    """Nothing of the process runs after SIGKILL: what is there is what the last look of the writer left."""
    path = tmp_path / "a.call.wav"
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", CRASHING, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"fed\n"
        while told_ms(path) < 5_000 - 20 - 400:
            assert process.poll() is None
            os.sched_yield()
        process.kill()
    left, right = sides(path)
    assert len(left) == len(right) == (4_980 - 400) * 8
    assert left[:160] == loud(20, "0.0")
    assert right[980 * 8 : 1_980 * 8] == loud(1_000, "bot 0")


def test_an_hour_is_never_in_memory(tmp_path: Path) -> None:
    """Only what waits to be heard is kept: half a minute at a time here, for a call of an hour."""
    file = AudioFile(tmp_path / "a.call.wav")
    file.write([standing(0)])
    most = 0
    audio = loud(30_000)
    for half_minute in range(120):
        file.write([media(half_minute * 30_000 * MS, audio)])
        for second in range(30):
            us = (half_minute * 30 + second) * 1_000 * MS
            file.write([tick(us), frame(us, us // MS, audio[:160])])
            file.flush(over=False)
        most = max(most, file.waiting_bytes)
    file.close()
    assert most <= 30_000 * 8 + 16_000
    assert file.path.stat().st_size > 110 * 30 * 32_000


def test_of_what_nobody_will_hear_for_ten_minutes_no_more_is_kept(tmp_path: Path) -> None:
    """As Twilio does, which discards it (31931)."""
    file = AudioFile(tmp_path / "a.call.wav")
    file.write([standing(0)])
    file.write([media(0, loud(30_000))] * 30)
    assert file.waiting_bytes == 4_800_000
    file.write([clear(1_000 * MS), tick(3_000 * MS)])
    file.flush(over=False)
    assert file.waiting_bytes < 16_000
    file.close()
