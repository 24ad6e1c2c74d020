"""The mistakes that can be made in a file: a comparison swapped, a statement dropped, a limit ten times as high."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from typing import NamedTuple

SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
}
OTHER_NAME = {"min": "max", "max": "min", "any": "all", "all": "any"}
NOT_TOLD = ("_log.", "self._log.")
"""A line of the log that is missing is no mistake in what is done."""


class Mistake(NamedTuple):
    """`text` in place of what stands from `begin` to `end`, offsets into the file."""

    kind: str
    line: int
    begin: int
    end: int
    text: str

    def made(self, source: bytes) -> bytes:
        """The file with the mistake in it."""
        return source[: self.begin] + self.text.encode() + source[self.end :]

    def shown(self, source: bytes) -> str:
        """The mistake in one line: before and after."""
        before = " ".join(source[self.begin : self.end].decode().split())
        return f"{self.kind}: {before[:70]} -> {' '.join(self.text.split())[:70]}"


def mistakes(source: bytes) -> list[Mistake]:
    """Every mistake that can be made in a file, in order. Each leaves a file that can be compiled."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def at(node: ast.stmt | ast.expr, kind: str, text: str) -> Mistake:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        begin, end = starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset
        return Mistake(kind, node.lineno, begin, end, text)

    tree = ast.parse(source)
    found = [at(node, kind, ast.unparse(new)) for node, kind, new in _all(tree)]
    found.sort(key=lambda one: (one.begin, one.end, one.kind))
    return [one for one in found if _compiles(one.made(source))]


def _compiles(source: bytes) -> bool:
    try:
        compile(source, "mutant", "exec")
    except SyntaxError:
        return False
    return True


Change = tuple[ast.stmt | ast.expr, str, ast.AST]


def _all(tree: ast.Module) -> Iterator[Change]:
    for statement in tree.body:
        yield from _limit(statement)
    for node in _code(tree):
        if isinstance(node, ast.expr):
            yield from _expression(node)
        elif isinstance(node, ast.stmt):
            yield from _statement(node)
        if isinstance(node, ast.If | ast.While | ast.IfExp):
            yield node.test, "condition negated", ast.UnaryOp(ast.Not(), _wrapped(node.test))


def _code(node: ast.AST) -> Iterator[ast.AST]:
    """Parts of a tree that run: no annotation, no decorator, no assertion, no import."""
    for name, field in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list", "bases", "keywords"} and not isinstance(node, ast.Call):
            continue
        for child in field if isinstance(field, list) else [field]:
            if isinstance(child, ast.AST) and not isinstance(child, ast.Assert | ast.Import | ast.ImportFrom):
                yield child
                yield from _code(child)


def _wrapped(node: ast.expr) -> ast.expr:
    return copy.deepcopy(node)


def _limit(statement: ast.stmt) -> Iterator[Change]:
    """A constant of the module is a limit."""
    if not isinstance(statement, ast.Assign | ast.AnnAssign) or statement.value is None:
        return
    for value in ast.walk(statement.value):
        if isinstance(value, ast.Constant) and type(value.value) in {int, float} and value.value:
            yield value, "limit times ten", ast.Constant(value.value * 10)


def _expression(node: ast.expr) -> Iterator[Change]:
    new = copy.deepcopy(node)
    if isinstance(new, ast.Compare) and len(new.ops) == 1 and type(new.ops[0]) in SWAPPED:
        new.ops[0] = SWAPPED[type(new.ops[0])]()  # type: ignore[assignment]
        yield node, "comparison swapped", new
    elif isinstance(new, ast.BoolOp):
        new.op = SWAPPED[type(new.op)]()  # type: ignore[assignment]
        yield node, "and for or", new
    elif isinstance(new, ast.BinOp) and type(new.op) in SWAPPED and not _text(new.left) and not _text(new.right):
        new.op = SWAPPED[type(new.op)]()  # type: ignore[assignment]
        yield node, "plus for minus", new
    elif isinstance(new, ast.Constant) and isinstance(new.value, bool):
        yield node, "true for false", ast.Constant(not new.value)
    elif isinstance(new, ast.Constant) and type(new.value) is int:
        yield node, "off by one", ast.Constant(new.value + 1)
    elif isinstance(new, ast.Call) and isinstance(new.func, ast.Name) and new.func.id in OTHER_NAME:
        new.func.id = OTHER_NAME[new.func.id]
        yield node, "the other function", new


def _text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr | ast.List | ast.Tuple) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
    )


def _statement(node: ast.stmt) -> Iterator[Change]:
    """Drop a statement that defines no name: without a name every test that runs it would notice."""
    if isinstance(node, ast.Expr):
        call = ast.unparse(node.value)
        if isinstance(node.value, ast.Constant) or call.startswith(NOT_TOLD):
            return
    elif isinstance(node, ast.Assign):
        if not all(isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets):
            return
    elif isinstance(node, ast.Return):
        if node.value is not None and not isinstance(node.value, ast.Constant):
            return
    elif not isinstance(node, ast.AugAssign | ast.Delete | ast.Continue | ast.Break):
        return
    yield node, "statement dropped", ast.Pass()
