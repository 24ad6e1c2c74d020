"""The caller's audio on its way to the model."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bot.call.uplink.appended_audio import AppendedAudio
from bot.call.uplink.frames_and_gaps import BACKLOG_BYTES, Uplink
from bot.realtime.events import AppendAudio
from bot.realtime.session import TurnDetection
from tests.call.scripted_call import MS, frame

FRAME_MS = 20
SERVER_VAD = TurnDetection()


class Ear:
    """A Listening whose stream has started at 0, fed as the shell does: a tick at each deadline."""

    def __init__(self, *, ready: bool = True, detection: TurnDetection = SERVER_VAD) -> None:
        self.listening = Uplink(detection)
        self.next_ms = 0
        self.listening.start(0)
        self.heard = b""
        self.now_us = 0
        if ready:
            self.take(self.listening.open())

    def take(self, appended: Sequence[AppendAudio]) -> None:
        self.heard += b"".join(base64.b64decode(one.audio) for one in appended)

    def until(self, ms: float) -> Ear:
        at_us = round(ms * MS)
        while (due_us := self.listening.deadline_us()) is not None and due_us <= at_us:
            self.now_us = max(self.now_us, due_us)
            self.take(self.listening.tick(self.now_us))
        self.now_us = at_us
        return self

    def frame(self, timestamp: int, ms: int = FRAME_MS, fill: int = 0x55) -> Ear:
        self.next_ms = timestamp + ms
        self.take(self.listening.frame(frame(timestamp, ms, fill), self.now_us))
        return self

    @property
    def runs(self) -> list[tuple[str, float]]:
        """The appended audio as (caller or silence, ms) runs."""
        runs: list[tuple[str, float]] = []
        for byte in self.heard:
            who = "silence" if byte == 0xFF else "caller"
            if runs and runs[-1][0] == who:
                runs[-1] = (who, runs[-1][1] + 0.125)
            else:
                runs.append((who, 0.125))
        return runs


def fill_of(number: int) -> int:
    """A byte of its own for each frame, never that of silence."""
    return number % 255


# ---- kept until the session is ready ----


def test_what_came_before_the_session_was_ready_is_sent_first_and_in_order() -> None:
    ear = Ear(ready=False)
    for number in range(100):
        ear.until(number * 20 + 20).frame(number * 20, fill=fill_of(number))
    assert ear.heard == b""
    ear.take(ear.listening.open())
    ear.until(2_020).frame(2_000, fill=fill_of(100))
    assert ear.heard == b"".join(bytes((fill_of(number),)) * 160 for number in range(101))
    assert ear.listening.backlog_bytes == 100 * 160
    assert ear.listening.appended.n_bytes == 101 * 160


def test_a_gap_in_the_backlog_is_filled_too() -> None:
    ear = Ear(ready=False).until(20).frame(40).until(320).frame(340)
    ear.take(ear.listening.open())
    assert ear.runs == [("caller", 20), ("silence", 280), ("caller", 20)]


def test_the_backlog_is_bounded_the_oldest_go_first_and_are_counted() -> None:
    ear = Ear(ready=False)
    for number in range(1_501):
        ear.until(number * 20 + 20).frame(number * 20, fill=fill_of(number))
    ear.take(ear.listening.open())
    assert len(ear.heard) == ear.listening.backlog_bytes == BACKLOG_BYTES
    assert ear.listening.dropped_bytes == 160
    assert ear.heard[:160] == bytes((fill_of(1),)) * 160


def test_nothing_is_filled_before_the_session_is_ready_or_the_stream_started() -> None:
    assert Ear(ready=False).listening.deadline_us() is None
    listening = Uplink()
    listening.open()
    assert listening.deadline_us() is None
    assert listening.tick(10**9) == []


# ---- gaps ----


def test_a_gap_is_filled_by_the_clock_and_made_exact_by_the_next_timestamp() -> None:
    """At 120, 180 ... 480 ms the clock fills 60 ms each, 40 behind; the frame of 487 says what is still missing."""
    ear = Ear().until(20).frame(0)
    assert ear.until(119).runs == [("caller", 20)]
    assert ear.until(120).runs == [("caller", 20), ("silence", 60)]
    assert ear.until(507).runs == [("caller", 20), ("silence", 420)]
    ear.frame(487)
    assert ear.runs == [("caller", 20), ("silence", 467), ("caller", 20)]
    assert ear.listening.filled_bytes == 467 * 8


def test_a_caller_who_never_sends_a_frame_is_silence() -> None:
    ear = Ear().until(1_000)
    assert ear.runs == [("silence", 960)]
    assert ear.frame(5_000).runs == [("silence", 960), ("caller", 20)]


def test_late_audio_comes_whole_and_its_surplus_is_no_part_of_the_next_gap() -> None:
    """A second of mute by the clock (960 ms filled), then that second's frames at once, then mute again."""
    ear = Ear().until(20).frame(0).until(1_020)
    for number in range(50):
        ear.frame(20 + number * 20)
    assert ear.runs == [("caller", 20), ("silence", 960), ("caller", 1_000)]
    ear.until(1_020 + 119)
    assert ear.runs[-1] == ("caller", 1_000)
    ear.until(1_020 + 2_000)
    assert ear.runs[3:] == [("silence", 1_920)]


def test_a_hole_between_late_frames_is_less_by_what_the_clock_has_filled() -> None:
    """240 ms to 260 and, at 420 and 480, 60 each: so it stands until 380 ms when the frame of 480 comes."""
    ear = Ear().until(20).frame(0).until(320)
    ear.frame(20).frame(40)
    assert ear.runs == [("caller", 20), ("silence", 240), ("caller", 40)]
    ear.until(500).frame(480)
    assert ear.runs == [("caller", 20), ("silence", 240), ("caller", 40), ("silence", 220), ("caller", 20)]
    assert ear.until(560).frame(540).runs[-1] == ("caller", 20)
    assert ear.runs[-2] == ("silence", 40)


# ---- a stall, or silence ----


def flowing(ms: int, ear: Ear | None = None) -> Ear:
    """Frames without a gap, and no word of speech."""
    ear = ear or Ear()
    for at in range(ear.next_ms, ear.next_ms + ms, FRAME_MS):
        ear.until(at + FRAME_MS).frame(at)
    return ear


def test_where_frames_have_come_through_silence_their_absence_is_waited_out() -> None:
    ear = flowing(1_000).until(2_599)
    assert ear.runs == [("caller", 1_000)]
    for at in range(1_000, 2_580, FRAME_MS):
        ear.frame(at)
    assert ear.runs == [("caller", 2_580)]
    assert ear.listening.filled_bytes == 0


def test_and_then_all_of_it_is_filled() -> None:
    ear = flowing(1_000).until(2_600)
    assert ear.runs == [("caller", 1_000), ("silence", 1_560)]
    assert ear.until(2_660).runs[-1] == ("silence", 1_620)
    ear.frame(1_000)
    assert ear.runs[2:] == [("caller", 20)]
    assert ear.until(2_760).runs[3:] == []
    assert ear.until(4_260).runs[3:] == [("silence", 1_560)]


def test_a_stall_that_begins_while_another_is_waited_out_is_waited_out_for_as_long() -> None:
    ear = flowing(1_000).until(2_000).frame(1_000).until(3_599)
    assert ear.runs == [("caller", 1_020)]
    assert ear.until(3_600).runs == [("caller", 1_020), ("silence", 1_560)]


def test_less_silence_than_a_codec_sends_after_a_word_shows_nothing() -> None:
    assert flowing(480).until(1_000).runs == [("caller", 480), ("silence", 480)]


def test_speech_shows_nothing_and_the_silence_before_it_does() -> None:
    for silent_ms, held in ((480, False), (500, True)):
        ear = flowing(silent_ms)
        flowing(700, ear).listening.speech_started(silent_ms - 300, silent_ms)
        assert ear.until(silent_ms + 700 + 200).listening.filled_bytes == (0 if held else 120 * 8)


def test_a_padding_cut_short_shows_no_silence() -> None:
    """The speech began with the frames; two seconds of padding, of which there was nothing, are no silence."""
    ear = Ear().until(5_000).frame(4_980)
    for at in range(5_000, 5_200, FRAME_MS):
        ear.until(at + FRAME_MS).frame(at)
    ear.listening.speech_started(4_980, 6_980)
    assert ear.until(5_400).runs[-1][0] == "silence"


def test_a_hole_in_the_timestamps_shows_that_silence_is_not_sent() -> None:
    ear = flowing(1_000).until(1_620).frame(1_600)
    assert ear.runs == [("caller", 1_000), ("silence", 600), ("caller", 20)]
    assert ear.until(1_720).runs[3:] == [("silence", 60)]


def test_and_frames_through_silence_after_it_that_it_is_sent_again() -> None:
    ear = flowing(1_000).until(1_620).frame(1_600)
    ear.next_ms = 1_620
    assert flowing(500, ear).until(3_000).runs[3:] == []


def test_a_lost_frame_or_twenty_show_nothing() -> None:
    ear = flowing(1_000).until(1_500).frame(1_480).until(2_500)
    assert ear.runs == [("caller", 1_000), ("silence", 480), ("caller", 20)]


def test_what_a_route_does_is_known_to_the_session_after_this_one_too() -> None:
    ear = flowing(1_000)
    assert ear.until(1_200).runs == [("caller", 1_000)]
    ear.listening.next_session(AppendedAudio(), ear.listening.appended.unturned())
    ear.take(ear.listening.open())
    assert ear.frame(1_000).until(2_700).listening.filled_bytes == 0


@pytest.mark.parametrize(
    ("detection", "until_ms"),
    [
        (TurnDetection(), 2_600),
        (TurnDetection(silence_duration_ms=200), 2_300),
        (TurnDetection(silence_duration_ms=0), 2_100),
        (TurnDetection(silence_duration_ms=10_000), 12_100),
        (TurnDetection(type="semantic_vad", silence_duration_ms=10_000), 2_600),
    ],
)
def test_how_long_a_stall_is_waited_out(detection: TurnDetection, until_ms: int) -> None:
    ear = flowing(1_000, Ear(detection=detection))
    assert ear.until(until_ms - 1).listening.filled_bytes == 0
    assert ear.until(until_ms).listening.filled_bytes == (until_ms - 1_040) * 8


def test_frames_of_any_size_count_by_their_length() -> None:
    ear = Ear().until(99).frame(5, ms=100).until(130).frame(105, ms=30).until(200).frame(175, ms=1)
    assert ear.runs == [("caller", 130), ("silence", 40), ("caller", 1)]


def test_less_than_a_frame_is_no_gap_until_it_adds_up_to_one() -> None:
    ear = Ear().until(20).frame(0).until(30).frame(30, ms=10)
    assert ear.runs == [("caller", 30)]
    ear.until(60).frame(50, ms=10)
    assert ear.runs == [("caller", 30), ("silence", 20), ("caller", 10)]


# ---- timestamps that cannot be ----


@pytest.mark.parametrize("wild", [2**53, 3_000, 10**9])
def test_a_jump_ahead_of_the_clock_is_not_believed_and_the_count_goes_on_from_there(wild: int) -> None:
    ear = Ear().until(20).frame(0).until(40).frame(wild).until(60).frame(wild + 20)
    assert ear.runs == [("caller", 60)]
    assert ear.listening.distrusted_timestamps == 1
    ear.until(160).frame(wild + 120)
    assert ear.runs == [("caller", 60), ("silence", 80), ("caller", 20)]


def test_a_jump_back_is_not_believed_either_and_mute_is_still_filled() -> None:
    ear = Ear().until(20).frame(10**7).until(40).frame(0).until(60).frame(20)
    assert ear.runs == [("caller", 60)]
    assert ear.listening.distrusted_timestamps == 1
    assert ear.until(1_060).runs == [("caller", 60), ("silence", 960)]


def test_a_frame_sent_twice_is_kept_twice() -> None:
    ear = Ear().until(20).frame(0).frame(0).until(40).frame(20)
    assert ear.runs == [("caller", 60)]


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 2**53), st.integers(0, 50)), max_size=40))
@hypothesis_settings(max_examples=100)
def test_whatever_the_timestamps_every_byte_of_the_caller_comes_in_order(frames: list[tuple[int, int, int]]) -> None:
    """(ms since the last, timestamp, ms of audio); fill never runs ahead of the clock by more than the slack."""
    ear = Ear()
    now_ms, whole = 0, b""
    for number, (wait_ms, timestamp, ms) in enumerate(frames):
        now_ms += wait_ms
        ear.until(now_ms).frame(timestamp, ms, fill_of(number))
        whole += bytes((fill_of(number),)) * (ms * 8)
    assert ear.heard.replace(b"\xff", b"") == whole
    assert ear.heard.count(b"\xff") == ear.listening.filled_bytes <= (now_ms + 1_000 * len(frames)) * 8
    assert ear.listening.appended.n_bytes == len(ear.heard)


# ---- any pattern of lost, late and bursty frames ----

presence = st.lists(st.booleans(), min_size=1, max_size=60)


@given(presence, st.data(), st.integers(0, 10_000), st.booleans())
@hypothesis_settings(max_examples=80)
def test_lost_frames_leave_exactly_their_gap(
    there: list[bool], data: st.DataObject, first_timestamp: int, ready: bool
) -> None:
    """With no frame later than the 40 ms that the clock's fill holds back, what is appended is the timeline itself."""
    jitter = data.draw(st.lists(st.integers(0, 40), min_size=len(there), max_size=len(there)))
    there[0] = there[-1] = True
    arrivals = list(accumulate((number * 20 + 20 + late for number, late in enumerate(jitter)), max))
    ear = Ear(ready=ready)
    for number, (here, at_ms) in enumerate(zip(there, arrivals, strict=True)):
        if here:
            ear.until(at_ms).frame(first_timestamp + number * 20, fill=fill_of(number))
    if not ready:
        ear.take(ear.listening.open())
    timeline = b"".join(bytes((fill_of(number) if here else 0xFF,)) * 160 for number, here in enumerate(there))
    assert ear.heard == timeline
    assert ear.listening.distrusted_timestamps == 0


@given(presence, st.lists(st.integers(0, 3_000), min_size=60, max_size=60), st.integers(0, 2_000), st.booleans())
@hypothesis_settings(max_examples=80, deadline=None)
def test_late_and_bursty_frames_are_all_kept_and_what_is_filled_is_no_more_than_what_did_not_come_in_time(
    there: list[bool], lateness: list[int], flow_ms: int, speaks: bool
) -> None:
    """After `flow_ms` of frames in time, and perhaps the begin of speech, any that are lost and any that are late."""
    there[0] = True
    ear = flowing(flow_ms // 20 * 20)
    if speaks:
        ear.listening.speech_started(max(ear.next_ms - 300, 0), ear.next_ms)
    whole, at_ms, origin_ms, gaps_ms, placeless = ear.heard, ear.next_ms, ear.next_ms, 0, 0
    for number, (here, late_ms) in enumerate(zip(there, lateness, strict=False)):
        if number == 1 and not flow_ms // 20:  # before the first frame of all, no place in the stream is known
            placeless = ear.listening.filled_bytes
        if here:
            before_ms, at_ms = at_ms, max(at_ms, origin_ms + number * 20 + 20 + late_ms)
            gaps_ms += at_ms - before_ms
            ear.until(at_ms).frame(origin_ms + number * 20, fill=fill_of(number))
            whole += bytes((fill_of(number),)) * 160
    assert ear.heard.replace(b"\xff", b"") == whole
    assert ear.listening.filled_bytes == len(ear.heard) - len(whole) <= gaps_ms * 8 + placeless
    assert ear.listening.appended.n_bytes == len(ear.heard) >= (origin_ms + there_until(there)) * 8
    assert ear.listening.distrusted_timestamps == 0


def there_until(there: list[bool]) -> int:
    """End of the last frame that came, in ms."""
    return max((number * 20 + 20 for number, here in enumerate(there) if here), default=0)


# ---- what was written, on the call's clock ----


def test_a_place_in_what_was_written_is_a_moment_of_the_line() -> None:
    listening = Uplink()
    listening.open()
    listening.start(1_000_000)
    for at in range(0, 1_000, 20):
        listening.frame(frame(at), 1_000_000 + (at + 20) * 1_000)
    assert listening.at_us(1_000, 2_005_000) == 2_000_000
    assert listening.at_us(250, 2_005_000) == 1_250_000
    assert listening.at_us(5_000, 2_005_000) == 2_000_000  # nobody has heard what is not written


def test_filled_silence_counts_as_what_did_not_come() -> None:
    listening = Uplink()
    listening.open()
    listening.start(0)
    listening.frame(frame(0), 20_000)
    listening.tick(520_000)
    assert listening.appended.n_bytes == 480 * 8
    assert listening.at_us(480, 520_000) == 480_000
    assert listening.at_us(20, 520_000) == 20_000


def test_before_anything_has_come_it_is_now() -> None:
    assert Uplink().at_us(300, 700_000) == 700_000
