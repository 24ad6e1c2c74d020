"""Citations in the code lead somewhere: to a topic of the manual, and to a section, finding or row in it.

The form is `openai-realtime 3.1`: the topic, then the number of a section; `W8` is a finding of the recordings, `pitfall
6` a row of the table of pitfalls, `how-it-works ledger 3` a rule of the playout ledger, `failures 56` an entry.
"""

from __future__ import annotations

import re
import tokenize
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from bot.docs import TOPICS, source
from tests.test_readme import ROOT

FILES = sorted(path for area in ("bot", "tests") for path in (ROOT / area).rglob("*.py") if path != Path(__file__))
NUMBERED = ("openai-realtime", "twilio-voice", "failures", "how-it-works")
ID = r"(?:(?:pitfalls?|ledger) )?(?:W\d+|\d+(?:\.\d+)*)(?![\w.]*\d)"
CITATION = re.compile(rf"\b(?P<topic>{'|'.join(NUMBERED)})(?:\.md,)? (?P<ids>{ID}(?:(?:,| and|, and) {ID})*)")
STRAY = (
    re.compile(r"\bDESIGN\b"),
    re.compile(r"\b(?:openai-realtime|twilio-voice)\b(?!(?:\.md)?\")|\bfailures\.md\b"),
    re.compile(r"\breference/"),
    re.compile(r"\bW\d+\)"),
)
SECTION = re.compile(r"\b[Ss]ections? \d")
OTHERS = re.compile(r"RFC \d+|vcon|JWS|Sec-WebSocket")
"""Citations of documents that anybody can find: standards, with sections of their own."""


class Citation(NamedTuple):
    topic: str
    kind: str
    number: str


def citations(text: str) -> list[Citation]:
    """Each thing that is cited, also where one topic is followed by several numbers."""
    found = []
    for one in CITATION.finditer(" ".join(text.split())):
        kind = ""
        for part in re.split(r", and |,| and ", one["ids"]):
            word, _, number = part.strip().rpartition(" ")
            kind = (word or kind).removesuffix("s")
            found.append(Citation(one["topic"], kind, number))
    return found


@cache
def exists(cited: Citation) -> bool:
    text = source(cited.topic)
    number = re.escape(cited.number)
    if cited.kind == "pitfall":
        return bool(re.search(rf"^\| {number} \|", text.partition("Pitfalls for phone bridges")[2], re.MULTILINE))
    if cited.kind == "ledger":
        return f"**Ledger {cited.number}," in text
    if cited.number.startswith("W"):
        return f"**{cited.number}**" in text
    if cited.topic == "failures":
        return bool(re.search(rf"(?:^|\. ){number}\. \[", text, re.MULTILINE))
    return bool(re.search(rf"^#+ {number}\.? ", text, re.MULTILINE))


@cache
def told(path: Path) -> str:
    """The comments and strings of a file, where citations stand."""
    with path.open("rb") as file:
        words = [one for one in tokenize.tokenize(file.readline) if one.type in {tokenize.COMMENT, tokenize.STRING}]
    return "\n".join(one.string.removeprefix("#") for one in words)


def strays(text: str) -> list[str]:
    """Lines that cite what is not in this repository, or without saying where."""
    lines = (line for line in text.splitlines() if not OTHERS.search(line))
    patterns = STRAY if "draft-ietf-" in text else (*STRAY, SECTION)  # such a file cites its draft by section
    return [line for line in lines if any(stray.search(CITATION.sub("", line)) for stray in patterns)]


def test_citations_are_found_in_all_their_forms() -> None:
    assert citations("(openai-realtime 1.2, 1.3 and 6). So (twilio-voice 4)") == [
        *(Citation("openai-realtime", "", number) for number in ("1.2", "1.3", "6")),
        Citation("twilio-voice", "", "4"),
    ]
    assert citations(
        "(how-it-works\nledger 1 and 2; openai-realtime 2.1, pitfalls 8 and 9; failures 56; openai-realtime W8)"
    ) == [
        *(Citation("how-it-works", "ledger", number) for number in "12"),
        Citation("openai-realtime", "", "2.1"),
        *(Citation("openai-realtime", "pitfall", number) for number in "89"),
        Citation("failures", "", "56"),
        Citation("openai-realtime", "", "W8"),
    ]


@pytest.mark.parametrize(
    "nowhere",
    [
        *("openai-realtime 19", "openai-realtime 2.9", "openai-realtime W11", "openai-realtime pitfall 26"),
        *("twilio-voice 15", "twilio-voice 4.2", "failures 99", "how-it-works ledger 7"),
    ],
)
def test_a_citation_that_leads_nowhere_is_known(nowhere: str) -> None:
    (cited,) = citations(nowhere)
    assert not exists(cited)


@pytest.mark.parametrize(
    "line",
    [
        "as (section 3.1) says",
        "(DESIGN, ledger rule 3)",
        "see openai-realtime.md",
        "(reference/failures.md)",
        "so (W4)",
    ],
)
def test_a_citation_of_what_a_clone_does_not_have_is_known(line: str) -> None:
    assert strays(line) == [line]


def test_every_citation_leads_somewhere() -> None:
    found = {(path, cited) for path in FILES for cited in citations(told(path))}
    assert len(found) > 100
    assert sorted(f"{path.relative_to(ROOT)}: {cited}" for path, cited in found if not exists(cited)) == []


def test_nothing_is_cited_that_a_clone_does_not_have() -> None:
    found = [(path, line) for path in FILES for line in strays(told(path)) if "docs" not in path.parts]
    assert sorted(f"{path.relative_to(ROOT)}: {line.strip()}" for path, line in found) == []


def test_every_topic_that_is_cited_by_number_is_one() -> None:
    assert set(NUMBERED) <= set(TOPICS)


# ---- files and modules of our own ----

AREAS = "|".join(sorted(path.parent.name for path in (ROOT / "bot").glob("*/__init__.py")))
CITED_FILE = re.compile(r"(?<![\w/.-])(?:bot|tests)/[\w/-]+\.(?:py|md|json|yml)\b")
CITED_TEST = re.compile(r"`([a-z_/]+/test_\w+\.py)`")
CITED_MODULE = re.compile(rf"(?<![\w/.-])bot\.(?:{AREAS})(?:\.[A-Za-z_]\w*)*")
PAGES = sorted([*(ROOT / "bot").rglob("*.md"), ROOT / "README.md"])


def lost(text: str) -> list[str]:
    """Files, tests and modules of this repository that a text names and that are not there."""
    files = [name for name in CITED_FILE.findall(text) if not (ROOT / name).is_file()]
    tests = [name for name in CITED_TEST.findall(text) if not any((ROOT / at / name).is_file() for at in ("", "tests"))]
    return files + tests + [name for name in CITED_MODULE.findall(text) if not is_module(name)]


@cache
def is_module(name: str) -> bool:
    """True for a module or package, and for a name that its text has."""
    parts = name.split(".")
    for upto in range(len(parts), 1, -1):
        stem = ROOT.joinpath(*parts[:upto])
        found = next((path for path in (stem.with_suffix(".py"), stem / "__init__.py") if path.is_file()), None)
        if found is not None:
            return upto == len(parts) or re.search(rf"\b{parts[upto]}\b", found.read_text(encoding="utf-8")) is not None
    return False


def test_a_file_or_module_that_is_named_is_there() -> None:
    named = {path: told(path) for path in FILES if path.is_relative_to(ROOT / "bot")}
    named |= {path: path.read_text(encoding="utf-8") for path in PAGES}
    assert {str(path.relative_to(ROOT)): found for path, text in named.items() if (found := lost(text))} == {}


def test_what_was_moved_away_is_missed() -> None:
    assert lost("`server/test_gone.py`, bot/call/gone.py, bot.call.gone and bot.call.call.Gone") == [
        *("bot/call/gone.py", "server/test_gone.py", "bot.call.gone", "bot.call.call.Gone")
    ]
    assert lost("`docs/test_links.py`, bot/call/call.py, bot.call.call.Call and bot.twilio") == []
