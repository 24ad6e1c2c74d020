from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from bot.audio import mulaw
from bot.recording.fixture import Fixture, read_fixture
from bot.views.call_page import page_of, render_page
from bot.views.call_sound import CallSound, sound_of_timeline
from bot.views.timeline import timeline
from bot.views.timeline_parts import Timeline
from bot.views.waveform import waveform
from tests.recording import records_sample as sample

HOSTILE = "</script><script>alert('x')</script><img src=x onerror=alert('y')> \x1b[31m \u202eevil\u2028 &amp; https://evil.example/x"


class Page(HTMLParser):
    """The page as a browser takes it: the tags with their attributes, and the text inside script and style."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[list[Any]] = []
        self.words: list[str] = []
        self._raw = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._raw = tag in {"script", "style"}
        if self._raw:
            self.inside.append([tag, dict(attrs), ""])

    def handle_endtag(self, tag: str) -> None:
        self._raw = False

    def handle_data(self, data: str) -> None:
        if self._raw:
            self.inside[-1][2] += data
        else:
            self.words.append(data)

    @property
    def policy(self) -> dict[str, str]:
        content = next(a["content"] for tag, a in self.tags if a.get("http-equiv") == "Content-Security-Policy")
        assert content
        return dict(part.split(" ", 1) for part in content.split("; "))

    @property
    def data(self) -> dict[str, Any]:
        return json.loads(next(text for _, attributes, text in self.inside if attributes.get("id") == "data"))


def told(tmp_path: Path, said: str = "My number is 555 0142.", item: str = "item_2") -> Timeline:
    recorded = read_fixture(sample.record(tmp_path / "a.call.jsonl", sample.conversation(said, item)))
    return timeline(recorded)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return Page(page_of(told(tmp_path_factory.mktemp("page"))))


def test_the_policy_forbids_everything_but_its_own_style_and_script(page: Page) -> None:
    def hash_of(kind: str) -> str:
        text = next(text for tag, attributes, text in page.inside if tag == kind and not attributes)
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    assert page.policy == {
        "default-src": "'none'",
        "style-src": hash_of("style"),
        "script-src": hash_of("script"),
        "img-src": "data:",
        "connect-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert "needs no network" in " ".join(page.words)


def test_nothing_in_it_names_another_resource(tmp_path: Path, page: Page) -> None:
    assert {tag for tag, _ in page.tags}.isdisjoint(
        {"link", "iframe", "img", "object", "embed", "base", "form", "a", "svg"}
    )
    for _, attributes in page.tags:
        assert attributes.keys().isdisjoint({"src", "href", "style", "srcset", "action", "data"})
        assert not any(name.startswith("on") for name in attributes)
    text = page_of(told(tmp_path))
    assert "//" not in re.sub(r"'sha256-[^']*'", "", text)  # base64 may have it
    assert not re.search(r"@import|url\(|https?:|fetch\(|XMLHttpRequest|WebSocket|\beval\b", text)


def test_hostile_text_stands_in_it_only_escaped(tmp_path: Path, page: Page) -> None:
    bad = page_of(told(tmp_path, HOSTILE, HOSTILE))
    hostile = Page(bad)
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in page.tags]
    assert hostile.policy == page.policy
    assert not any(raw in bad for raw in ("<script>alert", "<img", "\x1b", "\u202e", "\u2028", "</script><script>a"))
    shown = (
        HOSTILE.replace("31m", "00m").replace("\x1b", "\\x1b").replace("\u202e", "\\u202e").replace("\u2028", "\\u2028")
    )
    assert any(shown in words for words in hostile.words)
    assert shown in [turn["text"] for turn in hostile.data["turns"]]


def test_ids_and_dates_of_a_hostile_header_are_text_too(page: Page, tmp_path: Path) -> None:
    path = sample.record(tmp_path / "a.call.jsonl", sample.conversation())
    first, rest = path.read_bytes().split(b"\n", 1)
    header = json.loads(first)
    header["date"] = header["settings"]["call_sid"] = HOSTILE + "$title ${style}"
    path.write_bytes(json.dumps(header).encode() + b"\n" + rest)
    hostile = Page(page_of(timeline(read_fixture(path))))
    assert [tag for tag, _ in hostile.tags if tag not in {"tr", "td"}] == [
        tag for tag, _ in page.tags if tag not in {"tr", "td"}
    ]
    assert any("$title ${style}" in words for words in hostile.words)


def test_the_table_tells_turns_with_what_was_not_heard_and_events_in_order(page: Page) -> None:
    rows = [attributes for tag, attributes in page.tags if tag == "tr" and "data-at" in attributes]
    times = [float(attributes["data-at"] or "") for attributes in rows]
    assert times == sorted(times)
    assert [attributes["data-at"] for attributes in rows if attributes["class"] == "says"] == [
        "900.000",
        "2100.000",
        "3100.000",
    ]
    text = "|".join(page.words)
    assert "My number is 000 0000." in text
    assert re.search(r"Hello and [^|]*\|[^|]*of the example\.", text)
    assert "clear sent: item_1 cut after 1200 ms, 1800 ms unheard" in text


def test_the_script_gets_cuts_marks_keys_and_turns_in_milliseconds(page: Page) -> None:
    data = page.data
    assert data["bargeIns"] == [{"at": 2100, "item": "item_1", "heard": 1200, "unheard": 1800}]
    assert data["marks"][1] == {"name": "e1.2", "due": 2100, "back": 2150}
    assert data["keys"] == [{"at": 2800, "text": "presses 0"}]
    greeting = data["turns"][0]
    assert (greeting["from"], greeting["to"], greeting["cut"], greeting["unheardTo"]) == (
        900,
        2100,
        2100,
        3100,
    )  # no further than the next answer


def test_the_waveforms_stand_where_the_audio_was(tmp_path: Path) -> None:
    waves = waveform(told(tmp_path))

    def loud(track: bytes) -> list[tuple[int, int]]:
        edges = [n for n in range(1, len(track)) if bool(track[n]) != bool(track[n - 1])]
        return [(edges[n] * waves.window_ms, edges[n + 1] * waves.window_ms) for n in range(0, len(edges), 2)]

    assert waves.window_ms == 20
    assert loud(waves.caller) == [(1820, 2620)]
    assert loud(waves.heard) == [(900, 2100), (3100, 3600)]
    assert loud(waves.unheard) == [(2100, 3100)]
    assert max(waves.caller) > max(waves.heard) > 100


def test_a_call_without_a_single_message_has_a_page(tmp_path: Path) -> None:
    path = sample.record(tmp_path / "a.call.jsonl", [])
    text = render_page(Fixture("a", read_fixture(path).header, (), truncated=True))
    assert "cut off, as after a crash" in text
    assert Page(text).data["turns"] == []


def test_a_page_with_sound_may_play_what_its_script_makes_and_nothing_else(tmp_path: Path) -> None:
    story = told(tmp_path)
    sound = sound_of_timeline(story)
    assert sound is not None
    page = Page(page_of(story, sound=sound))
    assert page.policy["media-src"] == "blob:"
    held = page.data["sound"]
    assert held["start"] == sound.start_us / 1000
    assert base64.urlsafe_b64decode(held["caller"]) == sound.caller
    assert base64.urlsafe_b64decode(held["heard"]) == sound.heard
    assert {attributes.get("id") for tag, attributes in page.tags if tag == "button"} >= {"play"}


def test_a_page_without_sound_has_no_player(page: Page) -> None:
    assert page.data["sound"] is None
    assert "media-src" not in page.policy
    assert "play" not in {attributes.get("id") for _, attributes in page.tags}


def test_a_page_may_play_one_file_beside_it(tmp_path: Path) -> None:
    story = told(tmp_path)
    page = Page(page_of(story, sound=sound_of_timeline(story), beside="calls/a%20b.wav"))
    assert page.policy["media-src"] == "'self' file:"
    assert page.data["sound"].keys() == {"start", "seconds", "beside"}
    assert page.data["sound"]["beside"] == "calls/a%20b.wav"


def test_a_recording_is_drawn_where_there_is_no_fixture() -> None:
    loud = mulaw.encode(b"\x00\x40" * 800)
    sound = CallSound(1_000_000, b"\xff" * 800 + loud, loud + b"\xff" * 800)
    bare = Timeline("", "2026-01-02", "CA1", 500_000, "", truncated=False)
    page = Page(page_of(bare, sound=sound))
    caller = base64.urlsafe_b64decode(page.data["caller"])
    heard = base64.urlsafe_b64decode(page.data["heard"])
    assert [n for n, height in enumerate(caller) if height] == [55, 56, 57, 58, 59]
    assert [n for n, height in enumerate(heard) if height] == [50, 51, 52, 53, 54]
    assert page.data["durationMs"] == 1200


def test_the_legend_names_only_what_is_drawn(page: Page) -> None:
    bare = Page(page_of(Timeline("", "2026-01-02", "CA1", 500_000, "", truncated=False)))
    assert "no audio of this call is kept" in " ".join(bare.words)
    assert "mark, came back" not in " ".join(bare.words)
    assert {"mark, came back", "sent, never heard", "key pressed"} <= set(page.words)


def test_what_was_never_heard_is_drawn_from_the_cut_and_only_of_what_was_cut() -> None:
    fixtures = sorted((Path(__file__).parents[1] / "fixtures").glob("*.call.jsonl.gz"))
    drawn = 0
    for path in fixtures:
        for turn in Page(render_page(read_fixture(path))).data["turns"]:
            if turn["unheardTo"] is not None:
                drawn += 1
                assert turn["cut"] is not None, (path.name, turn)  # it would be drawn from the call's beginning
                assert turn["cut"] <= turn["unheardTo"], (path.name, turn)
    assert drawn > 5
