"""The machines of a call: every one a table, and nowhere a bundle of booleans in the place of one."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from enum import Enum
from functools import cache
from pathlib import Path

import pytest

import bot.call
from bot.call.machines import ANSWER, GOODBYE, GREETING, MACHINES, NEXT, SESSION, GoodbyeStage, Move, moved
from bot.call.states import OurFaultError

CORE = Path(bot.call.__file__).parent
MOST = 2
NO_MACHINES = {
    "Entry": "two ends, told by the model one after the other, and the kind of the entry",
    "Ledger": "news is an answer to the last echo, echoes a judgement of the line, the others when the floor ends",
    "PlayoutQueue": "four gates that four others close and open: all have to be open",
    "ResponseGate": "one request and how it fares, one response and whether it ends: to be two machines once they are apart",
}
"""Classes with more than two booleans that change, and the reason why these are no machine."""


def classes() -> Iterator[ast.ClassDef]:
    for path in sorted(CORE.rglob("*.py")):
        yield from (one for one in ast.walk(ast.parse(path.read_text())) if isinstance(one, ast.ClassDef))


def assigned(tree: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Targets and values, one by one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    yield from zip(target.elts, node.value.elts, strict=True)
                else:
                    yield target, node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            yield node.target, node.value


def is_boolean(value: ast.expr) -> bool:
    constant = isinstance(value, ast.Constant) and isinstance(value.value, bool)
    return (
        constant or isinstance(value, ast.Compare) or (isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.Not))
    )


@cache
def changed_somewhere() -> set[str]:
    """Names of fields that are assigned after their object was made, by itself or from outside."""
    names: set[str] = set()
    for path in CORE.rglob("*.py"):
        for made in ast.walk(ast.parse(path.read_text())):
            if isinstance(made, ast.FunctionDef) and made.name != "__init__":
                names |= {target.attr for target, _ in assigned(made) if isinstance(target, ast.Attribute)}
    return names


def flags(made: ast.ClassDef) -> set[str]:
    """Fields of the class that are true or false, and change."""
    of_self = {
        target.attr
        for target, value in assigned(made)
        if isinstance(target, ast.Attribute) and ast.unparse(target.value) == "self" and is_boolean(value)
    }
    of_record = {
        ast.unparse(one.target)
        for one in made.body
        if isinstance(one, ast.AnnAssign) and ast.unparse(one.annotation) == "bool"
    }
    return (of_self | of_record) & changed_somewhere()


def is_fixed(made: ast.ClassDef) -> bool:
    """A value that never changes holds no state."""
    return "frozen=True" in ast.unparse(made).split("\n    ")[0]


def test_more_than_two_booleans_that_change_are_a_machine_or_have_a_reason() -> None:
    bundles = {made.name: flags(made) for made in classes() if not is_fixed(made) and len(flags(made)) > MOST}
    assert sorted(set(bundles) - set(NO_MACHINES)) == []
    unneeded = sorted(set(NO_MACHINES) - set(bundles))
    assert unneeded == [], "these need no exception any more"


@pytest.mark.parametrize("states", MACHINES, ids=lambda one: one.__name__)
def test_every_state_of_a_machine_is_reached_from_its_first(states: type[Enum]) -> None:
    first = next(iter(states))
    reached, frontier = {first}, [first]
    while frontier:
        here = frontier.pop()
        for (state, _), following in MACHINES[states].items():
            if state is here and following not in reached:
                reached.add(following)
                frontier.append(following)
    assert reached == set(states)


def test_every_enumeration_that_moves_is_in_the_list() -> None:
    listed = {states.__name__ for states in MACHINES}
    tables = {type(state).__name__ for table in (GREETING, GOODBYE, SESSION, NEXT, ANSWER) for state, _ in table}
    made = {one.name for one in classes() if any(ast.unparse(base) == "Enum" for base in one.bases)}
    assert tables < listed
    assert made - listed == {"Happening", "Move", "Act"}  # what moves them, and what is asked of the floor


def test_what_a_table_does_not_know_is_a_fault_of_ours() -> None:
    tables: list[dict[tuple[Enum, Move], Enum]] = [GREETING, GOODBYE, SESSION, NEXT, ANSWER]  # type: ignore[list-item]
    for table in tables:
        states = {state for state, _ in table} | set(table.values())
        for state, move in itertools.product(states, Move):
            if (state, move) in table:
                assert moved(table, state, move) in states
            else:
                with pytest.raises(OurFaultError, match=f"{move.name} cannot happen to"):
                    moved(table, state, move)


def test_a_goodbye_that_was_heard_or_spoilt_never_becomes_one_that_is_to_come_by_itself() -> None:
    heard = {following for (state, _), following in GOODBYE.items() if state is GoodbyeStage.HEARD}
    assert heard == {GoodbyeStage.HEARD}
    spoilt = {move for (state, move), to in GOODBYE.items() if state is GoodbyeStage.SPOILT and to is not state}
    assert spoilt == {Move.CUT_UNHEARD}  # it went wrong before any of it was heard, and the caller spoke
