"""Money: what servers tell of tokens and seconds, and what it costs, against hand-computed figures."""

from __future__ import annotations

import ast
import sys
import types
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.realtime import usage as module
from bot.realtime.usage import (
    MAX_TOKENS,
    Duration,
    Kinds,
    PerMinute,
    PerToken,
    Tokens,
    charge,
    cost,
    cost_of_time,
    read_response,
    read_transcription,
    spread,
)
from tests.realtime.usages import CASES, ODD, PRICES, Case, whole


def judged(judge: Any, case: Case) -> tuple[int | None, int]:
    """Cost and faults of a case by `judge`, the module or a mutant of it."""
    if case.kind == "response":
        reading = judge.read_response(deepcopy(case.usage))
        return judge.charge_response(reading, case.prices), reading.faults
    reading = judge.read_transcription(deepcopy(case.usage))
    return judge.charge(reading.used, case.prices), reading.faults


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_cost_is_what_a_pencil_gives(case: Case) -> None:
    assert judged(module, case) == (case.nano_usd, case.faults)


def test_the_counts_are_told_by_kind_and_cached_ones_once() -> None:
    assert read_response(whole()).used == Tokens(
        text_in=100, text_cached=400, text_out=60, audio_in=500, audio_cached=500, audio_out=240
    )
    assert read_transcription({"type": "duration", "seconds": 1.6304}).used == Duration(1630)


def test_a_minute_spoken_and_a_minute_heard_cost_what_the_reference_says() -> None:
    assert cost(Tokens(audio_in=600), PRICES) == 19_200_000
    assert cost(Tokens(audio_out=1_200), PRICES) == 76_800_000


def test_prices_have_the_fields_of_tokens() -> None:
    assert PerToken.__struct_fields__ == Tokens.__struct_fields__


NAMES = st.sampled_from(
    [
        *("type", "seconds", "input_tokens", "output_tokens", "input_token_details", "output_token_details"),
        *("text_tokens", "audio_tokens", "image_tokens", "cached_tokens", "cached_tokens_details", "other"),
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=20,
)


@given(st.dictionaries(NAMES, JSON) | JSON, st.sampled_from([PRICES, PerMinute(4_500_000), None]))
def test_nothing_a_server_can_send_raises_or_earns_us_money(told: Any, prices: Any) -> None:
    for read in (read_response, read_transcription):
        reading = read(told)
        nano_usd = charge(reading.used, prices)
        timed = isinstance(reading.used, Duration)
        unknown = prices is None or (timed and isinstance(prices, PerToken))
        assert (nano_usd is None) == (reading.used is not None and unknown)
        assert nano_usd is None or nano_usd >= 0
        assert isinstance(told, dict) or reading.faults == (told is not None)
        if isinstance(reading.used, Tokens):
            assert all(0 <= number <= 4 * MAX_TOKENS for number in msgspec.structs.astuple(reading.used))


@given(*[st.integers(0, 10_000)] * 3, st.data())
def test_cached_tokens_are_shared_out_to_the_last_and_never_beyond_a_kind(
    text: int, audio: int, image: int, data: st.DataObject
) -> None:
    over = Kinds(text, audio, image)
    tokens = data.draw(st.integers(0, sum(over)))
    shares = spread(tokens, over)
    assert sum(shares) == tokens
    assert all(0 <= share <= most for share, most in zip(shares, over, strict=True))


@given(st.integers(0, 10**9), st.integers(0, 10**12))
def test_time_is_rounded_once_to_the_nearest(ms: int, nano_usd: int) -> None:
    assert abs(2 * (cost_of_time(ms, PerMinute(nano_usd)) * 60_000 - ms * nano_usd)) <= 60_000


@given(st.builds(Tokens, *[st.integers(0, MAX_TOKENS)] * 8))
def test_every_kind_has_its_own_price(tokens: Tokens) -> None:
    pairs = zip(msgspec.structs.astuple(tokens), msgspec.structs.astuple(ODD), strict=True)
    assert cost(tokens, ODD) == sum(number * price for number, price in pairs)


# ---- the table would notice ----

SOURCE = Path(module.__file__).read_text(encoding="utf-8")
OPERATORS: dict[type[ast.operator], tuple[ast.operator, ...]] = {
    ast.Add: (ast.Sub(),),
    ast.Sub: (ast.Add(),),
    ast.Mult: (ast.Add(), ast.FloorDiv()),
    ast.FloorDiv: (ast.Mult(),),
}
COMPARISONS: dict[type[ast.cmpop], ast.cmpop] = {
    ast.LtE: ast.Lt(),
    ast.Gt: ast.GtE(),
    ast.IsNot: ast.Is(),
    ast.Is: ast.IsNot(),
    ast.NotEq: ast.Eq(),
}
FIELDS = Tokens.__struct_fields__


def mutations(node: ast.AST) -> Iterator[ast.AST]:
    """Small changes to one node, each a plausible slip of somebody's hand."""
    if isinstance(node, ast.BinOp):
        yield from (ast.BinOp(node.left, other, node.right) for other in OPERATORS.get(type(node.op), ()))
        yield node.left
        if not isinstance(node.op, ast.BitOr):
            yield node.right
    elif isinstance(node, ast.Attribute) and node.attr in FIELDS:
        yield from (ast.Attribute(node.value, other, node.ctx) for other in FIELDS if other != node.attr)
    elif isinstance(node, ast.Attribute) and node.attr in Kinds._fields:
        yield from (ast.Attribute(node.value, other, node.ctx) for other in Kinds._fields if other != node.attr)
    elif isinstance(node, ast.keyword) and ast.unparse(node.value) != "0":
        yield ast.keyword(node.arg, ast.Constant(0))
    elif isinstance(node, ast.Compare):
        for at, operator in enumerate(node.ops):
            if type(operator) in COMPARISONS:
                changed = [*node.ops[:at], COMPARISONS[type(operator)], *node.ops[at + 1 :]]
                yield ast.Compare(node.left, changed, node.comparators)
    elif isinstance(node, ast.BoolOp):
        yield from node.values
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"min", "max"}:
        yield ast.Call(ast.Name("max" if node.func.id == "min" else "min", ast.Load()), node.args, [])
        yield from node.args
    elif isinstance(node, ast.Constant) and type(node.value) is int:
        yield ast.Constant(node.value + 1)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield ast.Constant(f"{node.value}_")
    elif isinstance(node, ast.IfExp):
        yield from (node.body, node.orelse)


def functions(tree: ast.Module) -> list[ast.FunctionDef]:
    """Every function and method of the module, without its docstring and its annotations."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for one in found:
        one.returns = None
        for argument in one.args.args:
            argument.annotation = None
        if ast.get_docstring(one) is not None:
            del one.body[0]
    return found


def mutants() -> Iterator[tuple[str, ast.Module]]:
    """The module changed in one place of one function, and where."""
    tree = ast.parse(SOURCE)
    for function in functions(tree):
        for parent in list(ast.walk(function)):
            for name, value in ast.iter_fields(parent):
                for at, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
                    if not isinstance(node, ast.AST):
                        continue
                    for other in mutations(node):
                        before = f"line {getattr(node, 'lineno', function.lineno)}: {ast.unparse(node)}"
                        if at is None:
                            setattr(parent, name, other)
                        else:
                            value[at] = other
                        yield f"{function.name}, {before} -> {ast.unparse(other)}", ast.fix_missing_locations(tree)
                        if at is None:
                            setattr(parent, name, node)
                        else:
                            value[at] = node


def loaded(tree: ast.Module) -> types.ModuleType:
    mutant = types.ModuleType("mutant_of_usage")
    sys.modules[mutant.__name__] = mutant  # where msgspec looks annotations up
    exec(compile(tree, "mutant", "exec"), mutant.__dict__)
    for name in ("Tokens", "Duration", "PerToken", "PerMinute", "Kinds"):
        setattr(mutant, name, getattr(module, name))
    return mutant


def survives(mutant: types.ModuleType) -> bool:
    try:
        return all(judged(mutant, case) == (case.nano_usd, case.faults) for case in CASES)
    except Exception:  # noqa: BLE001  a mutant that falls over is one that is noticed
        return False


def test_no_slip_in_the_reckoning_passes_the_table() -> None:
    """Mutation testing: the module is changed in one place at a time, and the table above must notice each change."""
    survivors, number = [], 0
    try:
        assert survives(loaded(ast.parse(SOURCE)))
        for where, tree in mutants():
            number += 1
            if survives(loaded(tree)):
                survivors.append(where)
    finally:
        sys.modules.pop("mutant_of_usage", None)
    assert number > 150
    assert survivors == []
