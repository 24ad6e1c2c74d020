"""The mistakes that are made on purpose, and who is asked to notice them."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mutation import __main__ as command
from tests.mutation.__main__ import ROOT, Found, Run, drawn, judged, suites, table
from tests.mutation.mistakes import Mistake, mistakes

SOURCE = b'''"""Words."""
LIMIT_S = 5
PAIR: tuple[int, int] = (0, 2)


def f(a: int = 3, *, b: bool = True) -> int:
    """More words."""
    _log.info("said", n=1)
    self.x = "\xc3\xa9"
    g(a)
    if a < 1 and b:
        return max(a, 2)
    y = a + LIMIT_S
    assert y == 7
    return y
'''


def test_each_kind_of_mistake_is_made_where_it_can_be() -> None:
    shown = [one.shown(SOURCE) for one in mistakes(SOURCE)]
    assert shown == [
        "limit times ten: 5 -> 50",
        "off by one: 5 -> 6",
        "off by one: 0 -> 1",
        "limit times ten: 2 -> 20",
        "off by one: 2 -> 3",
        "off by one: 3 -> 4",
        "true for false: True -> False",
        "off by one: 1 -> 2",
        'statement dropped: self.x = "é" -> pass',
        "statement dropped: g(a) -> pass",
        "comparison swapped: a < 1 -> a <= 1",
        "and for or: a < 1 and b -> a < 1 or b",
        "condition negated: a < 1 and b -> not (a < 1 and b)",
        "off by one: 1 -> 2",
        "the other function: max(a, 2) -> min(a, 2)",
        "off by one: 2 -> 3",
        "plus for minus: a + LIMIT_S -> a - LIMIT_S",
    ]


def test_a_mistake_changes_what_it_says_and_nothing_else() -> None:
    for one in mistakes(SOURCE):
        made = one.made(SOURCE)
        ast.parse(made)
        assert made != SOURCE
        assert made.splitlines()[: one.line - 1] == SOURCE.splitlines()[: one.line - 1]


def test_the_same_seed_draws_the_same_and_none_twice() -> None:
    some = drawn("numbering", 40, seed=1)
    assert some == drawn("numbering", 40, seed=1) != drawn("numbering", 40, seed=2)
    assert len(set(some)) == 40
    assert {path.parent for path, _ in some} == {Path("bot/numbering")}


def test_the_tests_nearest_to_a_file_come_first_and_then_all_of_its_area() -> None:
    near, rest = suites("twilio", Path("bot/twilio/token.py"))
    assert near[0] == "tests/twilio/test_token.py"
    assert "tests/server/http/test_media_stream.py" in near
    assert "tests/twilio/test_playout.py" in rest
    assert not set(near) & set(rest)
    assert all((ROOT / one).exists() for one in near + rest)


def test_the_score_is_by_area_and_ninety_percent_are_wanted() -> None:
    mistake = Mistake("off by one", 1, 0, 1, "2")
    found = [Found("call", Path("a"), mistake, noticed=number > 0) for number in range(10)]
    lines, good = table(found)
    assert lines[1].split() == ["call", "10", "9", "90%"]
    assert good
    lines, good = table([*found, Found("server", Path("b"), mistake, noticed=False)])
    assert lines[2].split() == ["server", "1", "0", "0%"]
    assert not good


class Suite:
    """Tests of one file, each of which fails by the rule it was given: with the mistake or not, and the how-manieth time."""

    def __init__(self, top: Path, path: Path, **fails: Callable[[bool, int], bool]) -> None:
        self._file = top / path
        self._right = (ROOT / path).read_bytes()
        self._fails = fails
        self._runs: Counter[str] = Counter()

    def tried(self, top: Path, tests: list[str], without: list[str]) -> Run:
        wrong = self._file.read_bytes() != self._right
        for name in tests if tests[0] in self._fails else self._fails:
            if name not in without:
                self._runs[name] += 1
                if self._fails[name](wrong, self._runs[name]):
                    return Run(passed=False, failed=name)
        return Run(passed=True)


@pytest.mark.parametrize(
    ("fails", "noticed"),
    [
        ({"good": lambda wrong, _: wrong}, True),
        ({"blind": lambda *_: False}, False),
        ({"moody": lambda _, time: time == 1}, False),
        ({"broken": lambda *_: True}, False),
        ({"moody": lambda _, time: time == 1, "good": lambda wrong, _: wrong}, True),
        ({"broken": lambda *_: True, "good": lambda wrong, _: wrong}, True),
    ],
)
def test_a_test_that_fails_now_and_then_has_noticed_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: dict[str, Callable[[bool, int], bool]], noticed: bool
) -> None:
    path = Path("bot/twilio/token.py")
    (tmp_path / path).parent.mkdir(parents=True)
    monkeypatch.setattr(command, "tried", Suite(tmp_path, path, **fails).tried)
    mistake = mistakes((ROOT / path).read_bytes())[0]
    assert judged(tmp_path, "twilio", path, mistake, []).noticed is noticed
    assert (tmp_path / path).read_bytes() == (ROOT / path).read_bytes()
