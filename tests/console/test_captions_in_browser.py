"""Lines of a talk in a real browser: they grow, are corrected and cut; a screen reader is told each word once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.console.chromium import Tab, browser
from tests.console.test_access import console_of

TALK = """
window.log = [];
window.talk = new Talk(document.getElementById('turns'), {
  tag: 'li', name: ({ who, cut }) => who + (cut ? ' cut' : ''), tell: (text) => window.log.push(text),
});
true
"""
LINES = "[...document.querySelectorAll('#turns > *')].map(one => one.className + '| ' + one.textContent)"


def says(text: str, *, who: str = "bot", item: str = "A", at: int = 0) -> tuple[str, Any]:
    return "caption", {"who": who, "item": item, "text": text, "atMs": at}


def turn(
    text: str, *, who: str = "bot", item: str = "A", at: int = 0, number: int = 1, unheard: str = ""
) -> tuple[str, Any]:
    what = {"who": who, "item": item, "text": text, "atMs": at, "number": number, "unheard": unheard}
    return "turn", {**what, "cut": bool(unheard)}


async def shown(tab: Tab, *told: tuple[str, Any]) -> tuple[list[str], list[str]]:
    """The lines of the page and what a screen reader is given, after the page was `told` so."""
    await tab.value(TALK)
    for kind, what in told:
        await tab.value(f"talk.{kind}({json.dumps(what)})")
    lines, log = await tab.value(LINES), await tab.value("window.log")
    await tab.value("talk.clear()")
    return lines, log


SITUATIONS: dict[str, tuple[list[tuple[str, Any]], list[str], list[str]]] = {
    "a turn that is heard to its end": (
        [says("Good"), says("Good morning. How"), turn("Good morning. How are you?")],
        ["bot| botGood morning. How are you?"],
        ["bot: Good morning.", "How are you?"],
    ),
    "an interruption marks what was not heard": (
        [says("One two"), says("One two three"), turn("One two three", unheard="four five.")],
        ["bot cut| bot cutOne two three four five."],
        ["bot cut: One two three", "Interrupted. Not heard: four five."],
    ),
    "nothing of it was heard": (
        [turn("", unheard="Four five.")],
        ["bot cut| bot cut Four five."],
        ["Interrupted. Not heard: Four five."],
    ),
    "a line that is still being said": ([says("One two")], ["bot saying| botOne two"], []),
    "words of the caller that came to nothing": (
        [says("Er", who="caller", item="U"), says("", who="caller", item="U")],
        [],
        [],
    ),
    "the caller's words come after the answer has begun": (
        [
            turn("Hello.", at=0),
            says("Well", item="B", at=5_000),
            says("A table", who="caller", item="U", at=2_000),
            turn("A table, please.", who="caller", item="U", at=2_000, number=2),
        ],
        ["bot| botHello.", "caller| callerA table, please.", "bot saying| botWell"],
        ["bot: Hello.", "caller: A table, please."],
    ),
    "completed words replace what was misheard on the way": (
        [says("A cable. For", who="caller", item="U"), turn("A table for two.", who="caller", item="U")],
        ["caller| callerA table for two."],
        ["caller: A cable.", "caller: A table for two."],
    ),
    "text of a turn that changes later": (
        [turn("Helo."), turn("Hello.")],
        ["bot| botHello."],
        ["bot: Helo.", "bot: Hello."],
    ),
    "another session uses an id again": (
        [turn("Hello."), says("Well", at=9_000), turn("Well then.", at=9_000, number=2)],
        ["bot| botHello.", "bot| botWell then."],
        ["bot: Hello.", "bot: Well then."],
    ),
    "markup is text": ([says("<b>x</b>")], ["bot saying| bot<b>x</b>"], []),
}


async def test_lines_grow_and_are_told_once(tmp_path: Path) -> None:
    async with console_of() as desk, browser(tmp_path / "profile") as tab:
        await tab.open(f"{desk.origin}/softphone")
        for situation, (told, lines, log) in SITUATIONS.items():
            assert await shown(tab, *told) == (lines, log), situation
        note = "talk.turn({who: 'bot', item: 'A', number: 1, text: 'One', unheard: 'two', cut: true, atMs: 0}); "
        note += "talk.note('Interrupted', 2500, 'A'); talk.caption({who: 'caller', item: 'U', text: 'Stop', atMs: 2300}); true"
        await tab.value(TALK + ";" + note)
        assert [line.partition("|")[0] for line in await tab.value(LINES)] == ["bot cut", "event", "caller saying"]
        assert tab.complaints == []


@pytest.mark.parametrize("page", ["softphone", "console"])
async def test_what_is_read_aloud_is_a_log_of_its_own_that_stays_short(tmp_path: Path, page: str) -> None:
    async with console_of() as desk, browser(tmp_path / "profile") as tab:
        await tab.open(f"{desk.origin}/{page}")
        await tab.value("for (let n = 0; n < 50; n++) spoken(document.getElementById('spoken'))('sentence ' + n); true")
        assert await tab.value("document.getElementById('spoken').textContent") == "".join(
            f"sentence {n}" for n in range(46, 50)
        )
        assert await tab.value("document.querySelectorAll('[aria-live]').length") == 1
        assert await tab.value("document.querySelector('#spoken').getAttribute('aria-live')") == "polite"
