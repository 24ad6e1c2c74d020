"""The machines of a call: every one a table, and nowhere a bundle of booleans in the place of one."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import bot
from bot.call.machines import (
    GOODBYE,
    MACHINES,
    REQUEST,
    RESPONSE,
    TURN_OWNER,
    GoodbyeStage,
    Move,
    RequestStage,
    ResponseStage,
    drawing,
)
from bot.call.states import Happening, Keyed, OurFaultError, State, table

ROOT = Path(bot.__file__).parent
PARTS = [ROOT / "call", ROOT / "server"]
MOST = 2
NO_MACHINES = {
    "Entry": "two ends, told by the model one after the other, and the kind of the entry",
    "Ledger": "news is an answer to the last echo, echoes a judgement of the line, the others when the floor ends",
    "PlayoutQueue": "four gates that four others close and open: all have to be open",
}
"""Classes with more than two booleans that change, and the reason why these are no machine."""


@cache
def trees(parts: tuple[Path, ...]) -> list[ast.Module]:
    return [ast.parse(path.read_text()) for part in parts for path in sorted(part.rglob("*.py"))]


def classes(*parts: Path) -> Iterator[ast.ClassDef]:
    for tree in trees(parts):
        yield from (one for one in ast.walk(tree) if isinstance(one, ast.ClassDef))


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
    for tree in trees(tuple(PARTS)):
        for made in ast.walk(tree):
            if isinstance(made, (ast.FunctionDef, ast.AsyncFunctionDef)) and made.name != "__init__":
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
    bundles = {made.name: flags(made) for made in classes(*PARTS) if not is_fixed(made) and len(flags(made)) > MOST}
    assert sorted(set(bundles) - set(NO_MACHINES)) == []
    unneeded = sorted(set(NO_MACHINES) - set(bundles))
    assert unneeded == [], "these need no exception any more"


@pytest.mark.parametrize("states", MACHINES, ids=lambda one: one.__name__)
def test_every_state_of_a_machine_is_reached_from_its_first(states: type[Keyed]) -> None:
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
    made = {
        one.name for one in classes(ROOT / "call") if any(ast.unparse(base) in {"Enum", "Keyed"} for base in one.bases)
    }
    assert made - listed == {"Keyed", "Happening", "Move", "Act"}  # what moves them, and what is asked of the floor


@pytest.mark.parametrize("states", MACHINES, ids=lambda one: one.__name__)
def test_every_pair_of_a_table_has_a_state_that_follows_or_is_a_fault_of_ours(states: type[Keyed]) -> None:
    table = MACHINES[states]
    assert {type(state) for state, _ in table} | {type(following) for following in table.values()} == {states}
    for state, move in itertools.product(states, Happening if states is State else Move):
        if (state, move) in table:
            assert table[state, move] in states
        else:
            with pytest.raises(OurFaultError, match=f"{move.name} cannot happen to {states.__name__} {state.name}"):
                table[state, move]


@pytest.mark.parametrize("states", MACHINES, ids=lambda one: one.__name__)
def test_a_machine_is_drawn_with_all_its_states_and_moves(states: type[Keyed]) -> None:
    drawn = drawing(states).splitlines()
    assert drawn[1] == f"  [*] --> {next(iter(states)).name.lower()}"
    for (state, move), following in MACHINES[states].items():
        line = f"  {state.name.lower()} --> {following.name.lower()}: {move.value}"
        assert drawn.count(line) == (state is not following)
    assert len(drawn) == len(set(drawn))


OPEN_TO_THE_PEER = {
    RequestStage: {Move.MADE, Move.RESPONSE_OVER, Move.SUPPRESSED, Move.GIVEN_UP, Move.DROPPED},
    ResponseStage: {Move.SUPPRESSED, Move.OUTPUT},
}
"""Moves that come whenever the model's side, or the caller, likes: in no state are they a fault of ours."""


@pytest.mark.parametrize("states", OPEN_TO_THE_PEER, ids=lambda one: one.__name__)
def test_what_a_peer_can_do_at_any_time_has_an_outcome_in_every_state(states: type[Keyed]) -> None:
    for state, move in itertools.product(states, OPEN_TO_THE_PEER[states]):
        assert MACHINES[states][state, move] in states


def test_every_move_moves_some_machine() -> None:
    moves = {move for states, table in MACHINES.items() if states is not State for _, move in table}
    assert moves == set(Move)


def test_a_goodbye_that_was_heard_or_spoilt_never_becomes_one_that_is_to_come_by_itself() -> None:
    heard = {following for (state, _), following in GOODBYE.items() if state is GoodbyeStage.HEARD}
    assert heard == {GoodbyeStage.HEARD}
    spoilt = {move for (state, move), to in GOODBYE.items() if state is GoodbyeStage.SPOILT and to is not state}
    assert spoilt == {Move.CUT_UNHEARD}  # it went wrong before any of it was heard, and the caller spoke


def test_what_was_suppressed_is_never_heard_again() -> None:
    after = {following for (state, _), following in RESPONSE.items() if state is ResponseStage.SUPPRESSED}
    assert after == {ResponseStage.SUPPRESSED}
    suppressed = {following for (_, move), following in RESPONSE.items() if move is Move.SUPPRESSED}
    assert suppressed == {ResponseStage.SUPPRESSED}


def test_a_request_goes_out_only_when_none_is_on_its_way_or_behind_another_response() -> None:
    assert [state.name for state, move in REQUEST if move is Move.SENT] == ["NONE"]


def test_turns_that_a_server_leaves_to_us_are_its_own_again_in_time() -> None:
    assert {following.name for (_, move), following in TURN_OWNER.items() if move is Move.TO_US} == {"US_FOR_NOW"}


def test_a_pair_that_is_decided_twice_is_no_table() -> None:
    with pytest.raises(ValueError, match="MADE of NONE is decided twice"):
        table((RequestStage, Move.MADE, RequestStage.NONE), (RequestStage.NONE, Move.MADE, None))
