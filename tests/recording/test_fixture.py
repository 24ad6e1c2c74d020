from __future__ import annotations

import contextlib
import gzip
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.call.settings import CallSettings
from bot.recording.fixture import (
    BadFixture,
    FixtureLine,
    Header,
    encode_header,
    encode_line,
    parse_fixture,
    read_fixture,
    write_fixture,
)

HEADER = Header(
    1, "2026-01-02T03:04:05+00:00", CallSettings(greeting="Hi", max_call_s=60.0, idle_s=1.0, response_s=8.0)
)
LINES = [
    FixtureLine(0, "note", msgspec.Raw(b'{"note":"tick"}')),
    FixtureLine(1_240_100, "phone>bot", msgspec.Raw(b'{"event":"connected"}'), 1),
    FixtureLine(1_240_100, "bot>model", msgspec.Raw(b'{"type":"response.create"}')),
]
WHOLE = encode_header(HEADER) + b"".join(map(encode_line, LINES))


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a.call.jsonl"
    write_fixture(path, HEADER, LINES)
    fixture = read_fixture(path)
    assert fixture.header == HEADER
    assert [(line.us, line.way, line.socket, bytes(line.message)) for line in fixture.lines] == [
        (line.us, line.way, line.socket, bytes(line.message)) for line in LINES
    ]
    assert not fixture.truncated
    assert fixture.where(0) == f"{path}, line 2"


def test_a_line_looks_as_the_design_shows_it() -> None:
    assert encode_line(LINES[1]) == b'{"us":1240100,"way":"phone>bot","message":{"event":"connected"},"socket":1}\n'


def test_gzip_is_told_by_its_bytes_and_not_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "a.call.jsonl"
    path.write_bytes(gzip.compress(WHOLE))
    assert len(read_fixture(path).lines) == 3


@pytest.mark.parametrize("lost", [1, 5, 30])
def test_a_last_line_cut_by_a_crash_is_left_out_and_said(lost: int) -> None:
    fixture = parse_fixture(WHOLE[: -1 - lost], "a")
    assert (len(fixture.lines), fixture.truncated) == (2, True)


def test_a_last_line_that_only_lacks_its_line_feed_is_whole() -> None:
    fixture = parse_fixture(WHOLE[:-1], "a")
    assert (len(fixture.lines), fixture.truncated) == (3, False)


def test_a_gzip_cut_by_a_crash_gives_what_is_there() -> None:
    fixture = parse_fixture(gzip.compress(WHOLE)[:-12], "a")
    assert fixture.truncated
    assert fixture.header == HEADER


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", "a, line 1: not a fixture"),
        (b"RIFF....", "a, line 1: not a fixture"),
        (b'{"heardline_fixture":1', "a, line 1: not a fixture"),
        (b'{"heardline_fixture":3,"new":true}\n', "a, line 1: fixture version 3, this program reads versions 1 to 2"),
        (b'{"heardline_fixture":1,"date":"x"}\n', "a, line 1: the header has a wrong field"),
        (encode_header(HEADER).replace(b'"on"', b'"maybe"'), r"a, line 1: the header has a wrong field .*maybe"),
        (WHOLE.replace(b'"us":0', b'"us":-1'), "a, line 2: not a line"),
        (WHOLE.replace(b"phone>bot", b"bot>bot"), "a, line 3: not a line"),
        (WHOLE.replace(b'{"event":"connected"}', b"{event}"), "a, line 3: not a line"),
        (WHOLE + b"\n" + encode_line(LINES[0]), "a, line 5: not a line"),
        (WHOLE + b"[" * 5000 + b"\n", "a, line 5: not a line"),
        (b"\x1f\x8b\x00\x00nonsense", "a starts like a gzip file but is not one"),
    ],
)
def test_anything_wrong_is_one_sentence_with_file_and_line(data: bytes, error: str) -> None:
    with pytest.raises(BadFixture, match=error) as caught:
        parse_fixture(data, "a")
    assert "\n" not in str(caught.value)


@given(st.integers(0, len(WHOLE)))
def test_a_fixture_cut_anywhere_is_read_to_its_last_whole_line_or_refused(size: int) -> None:
    try:
        fixture = parse_fixture(WHOLE[:size], "a")
    except BadFixture:
        assert size < len(encode_header(HEADER))
    else:
        again = encode_header(fixture.header) + b"".join(map(encode_line, fixture.lines))
        assert WHOLE.startswith(again)
        assert fixture.truncated == (size - len(again) > 0)


@given(st.binary(max_size=200))
def test_no_file_makes_it_raise_anything_else(data: bytes) -> None:
    with pytest.raises(BadFixture):
        parse_fixture(data, "a")
    with contextlib.suppress(BadFixture):
        parse_fixture(encode_header(HEADER) + data, "a")
