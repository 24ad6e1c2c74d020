"""Docstrings, names and words of the whole code: a thing is named first, has one name, and callers are people."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.test_readme import ROOT

MOST_RIDDLES = 0.01
"""Share of docstrings that may open with a question's word: h11 has none, websockets none, aiortc 0.5 %."""
RIDDLE = re.compile(r"(?:Whether|What|How|Of|When|Who|Whom|Whose|Where|Why|Which)\b")
PRONOUN = re.compile(r"\b(?:he(?! or she)|him|his|himself)\b", re.IGNORECASE)
TEXTS = frozenset({".py", ".md", ".yml", ".json", ".html", ".js", ".css"})
SPOKEN = "bot/audio/fillers/fillers.json"
"""Sentences in many languages, in some of which these are other words."""
SHARED_NAMES = frozenset({"__init__", "__main__", "conftest"})

HasDocstring = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


class Docstring(NamedTuple):
    path: str
    line: int
    text: str


def docstrings(path: str, node: ast.AST) -> Iterator[Docstring]:
    """Docstrings of modules, classes and functions, and the texts under attributes and constants."""
    if isinstance(node, HasDocstring):
        above: ast.stmt | None = None
        for one in node.body:
            if above is None or isinstance(above, ast.Assign | ast.AnnAssign):
                match one:
                    case ast.Expr(ast.Constant(str() as text)):
                        yield Docstring(path, one.lineno, text)
            above = one
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, ast.stmt | ast.excepthandler | ast.match_case):
            yield from docstrings(path, inner)


@cache
def sources() -> dict[str, str]:
    """Text of each module by its path from the root."""
    files = (path for area in ("bot", "tests") for path in (ROOT / area).rglob("*.py"))
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in sorted(files)}


@cache
def trees() -> dict[str, ast.Module]:
    return {path: ast.parse(text) for path, text in sources().items()}


def test_docstrings_name_their_thing_before_they_ask() -> None:
    counted = [one for path, tree in trees().items() for one in docstrings(path, tree)]
    riddles = [one for one in counted if RIDDLE.match(one.text)]
    worst = Counter(one.path for one in riddles).most_common(10)
    told = [
        f"{one.path}:{one.line} {one.text.splitlines()[0]}" for path, _ in worst for one in riddles if one.path == path
    ]
    assert len(counted) > 2_000
    assert len(riddles) <= MOST_RIDDLES * len(counted), "\n".join([f"{len(riddles)} of {len(counted)}", *told])


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ('"""What is there."""', True),
        ('def f():\n    """Whether it is."""', True),
        ('class C:\n    a = 1\n    """Of a call."""', True),
        ('class C:\n    def f(self):\n        self.a: int = 1\n        """How many."""', True),
        ('"""However it is."""', False),
        ('"""Offsets of a call."""', False),
        ('f()\n"""What is under no assignment."""', False),
    ],
)
def test_a_riddle_is_found_wherever_a_docstring_may_stand(text: str, asks: bool) -> None:
    found = list(docstrings("one.py", ast.parse(text)))
    assert any(RIDDLE.match(one.text) for one in found) == asks


def test_no_two_modules_share_a_name() -> None:
    paths = defaultdict(list)
    for path in sources():
        paths[Path(path).stem].append(path)
    assert {name: found for name, found in paths.items() if len(found) > 1 and name not in SHARED_NAMES} == {}


def test_every_package_says_what_lives_in_it() -> None:
    silent = [path for path, tree in trees().items() if path.endswith("/__init__.py") and not ast.get_docstring(tree)]
    assert silent == []


def test_callers_are_they() -> None:
    found = []
    for path in sorted((ROOT / "bot").rglob("*")):
        name = path.relative_to(ROOT).as_posix()
        if path.suffix not in TEXTS or name == SPOKEN:
            continue
        lines = path.read_text(encoding="utf-8").splitlines()
        found += [f"{name}:{at} {line.strip()}" for at, line in enumerate(lines, 1) if PRONOUN.search(line)]
    assert found == []
