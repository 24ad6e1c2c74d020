"""A call that was carried on: the files of its streams are one call on one clock."""

from __future__ import annotations

import base64
import shutil
from dataclasses import fields, is_dataclass
from pathlib import Path

import msgspec
import pytest

from bot.recording.fixture import encode_header, encode_line, read_fixture
from bot.views.call_legs import joined, joined_sounds, later
from bot.views.call_sound import CallSound, sound_of_timeline, wav_of
from bot.views.timeline import timeline
from bot.views.timeline_parts import Frame, Timeline
from tests.views.stored import calls_sample as sample
from tests.views.stored.test_stored_page import FIXTURE, written

OFFSET_US = 60_000_000
ONE, TWO = CallSound(1_000_000, b"\x01" * 8000, b"\x02" * 8000), CallSound(3_000_000, b"\x03" * 800, b"\x04" * 800)
QUIET = b"\xff"


def story() -> Timeline:
    recorded = read_fixture(FIXTURE)
    return timeline(recorded)


def moments(part: object) -> list[int]:
    """Every time in a timeline's part, in the order of its fields."""
    assert is_dataclass(part)
    named = {one.name: getattr(part, one.name) for one in fields(part)}
    return [at for name, at in named.items() if name.endswith("us") and name != "took_us" and isinstance(at, int)]


def test_every_moment_of_a_later_leg_is_later_and_nothing_else() -> None:
    before = story()
    before.frames.append(Frame(700_000, b"\x01" * 160))
    after = later(before, OFFSET_US)
    assert later(before, 0) is before
    assert after.duration_us == before.duration_us + OFFSET_US
    for name in ("turns", "events", "barge_ins", "latencies", "marks", "pieces", "frames"):
        olds, news = getattr(before, name), getattr(after, name)
        assert len(olds) == len(news)
        assert olds, name
        assert [at + OFFSET_US for old in olds for at in moments(old)] == [at for new in news for at in moments(new)]
    assert [one.took_us for one in after.latencies] == [one.took_us for one in before.latencies]
    assert [piece.audio for piece in after.pieces] == [piece.audio for piece in before.pieces]


def test_two_legs_are_one_story() -> None:
    one, two = story(), later(story(), OFFSET_US)
    both = joined([one, two])
    assert both is not None
    assert both.duration_us == two.duration_us
    assert [turn.from_us for turn in both.turns] == [turn.from_us for leg in (one, two) for turn in leg.turns]
    assert len(both.frames) == 2 * len(one.frames)
    assert joined([]) is None
    assert joined([one]) == one


def test_between_two_sounds_there_is_silence() -> None:
    both = joined_sounds([TWO, ONE])
    assert both == CallSound(1_000_000, ONE.caller + QUIET * 8000 + TWO.caller, ONE.heard + QUIET * 8000 + TWO.heard)
    assert joined_sounds([]) is None
    assert joined_sounds([TWO]) is TWO


@pytest.mark.parametrize("packed", ["", ".gz"])
def test_a_page_has_all_streams_of_a_call_in_their_places(record_dir: Path, packed: str) -> None:
    """The second went on 60 s after the first webhook; of that there is a recording too."""
    shutil.copy(FIXTURE, record_dir / f"a.call.jsonl{packed}")
    if not packed:
        recorded = read_fixture(FIXTURE)
        lines = (encode_header(recorded.header), *map(encode_line, recorded.lines))
        (record_dir / "a.call.jsonl").write_bytes(b"".join(lines))
    recorded = read_fixture(FIXTURE)
    settings = msgspec.structs.replace(recorded.header.settings, elapsed_s=60.0)
    header = msgspec.structs.replace(recorded.header, settings=settings)
    (record_dir / "b.call.jsonl").write_bytes(b"".join((encode_header(header), *map(encode_line, recorded.lines))))
    (record_dir / "b.call.wav").write_bytes(wav_of(ONE))
    sample.fill(
        record_dir,
        sample.kept(record_dir, sample.CUT, "a.call.jsonl", "fixture", after_s=0.5),
        sample.kept(record_dir, sample.CUT, "b.call.jsonl", "fixture", after_s=61),
        sample.kept(record_dir, sample.CUT, "b.call.wav", "recording", after_s=61.2),
    )
    data = written(sample.CUT)[1].data
    first = sound_of_timeline(story())
    assert first is not None
    heard = base64.urlsafe_b64decode(data["sound"]["heard"])
    assert data["sound"]["start"] == first.start_us / 1000
    assert heard.startswith(first.heard + QUIET)
    end_us = min(61_200_000, story().duration_us + OFFSET_US - 1_000_000)
    at = round(end_us - first.start_us) // 125
    assert heard[at:] == ONE.heard
    assert data["durationMs"] == pytest.approx((story().duration_us + OFFSET_US) / 1000, abs=1)
