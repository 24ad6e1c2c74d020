"""A reader of PromQL and the rules' YAML, as far as the shipped files use them: what it does not know fails."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bot.observe.metrics import OTHER, Family

TOKEN = re.compile(
    r"\s*(?:(?P<name>[a-zA-Z_:][\w:]*)|(?P<number>\d+(?:\.\d+)?)(?![\w.])|(?P<range>\[(?:\d+[smhd]|\$__rate_interval)\])"
    r"|(?P<matchers>\{[^{}]*\})|(?P<operator>==|!=|>=|<=|[-+*/><])|(?P<bracket>[(),]))"
)
MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')
FUNCTIONS = {"sum", "max", "increase", "rate", "histogram_quantile", "absent"}
WORDS = {"by", "and", "or", "unless"}
SCRAPED = {"instance", "job"}
"""Labels that Prometheus itself puts on each series."""


class Selector(NamedTuple):
    """A metric and what its labels must be."""

    metric: str
    matchers: tuple[tuple[str, str, str], ...]


class Expression(NamedTuple):
    selectors: list[Selector]
    grouped_by: set[str]


def parse(text: str) -> Expression:
    """The metrics and labels in an expression. Raises AssertionError for what this reader does not know."""
    selectors: list[Selector] = []
    grouped: set[str] = set()
    depth, in_by = 0, False
    tokens = list(_tokens(text))
    for at, (kind, value) in enumerate(tokens):
        following = tokens[at + 1][1] if at + 1 < len(tokens) else ""
        if value == "(":
            depth += 1
        elif value == ")":
            depth, in_by = depth - 1, False
            assert depth >= 0, text
        elif value == "by":
            in_by = True
        elif kind == "name" and in_by:
            grouped.add(value)
        elif kind == "name" and value not in WORDS:
            if following in {"(", "by"}:
                assert value in FUNCTIONS, f"{value} in {text}"
            else:
                found = MATCHER.findall(following) if following.startswith("{") else []
                selectors.append(Selector(value, tuple(found)))
        elif kind == "matchers":
            assert tokens[at - 1][0] == "name", text
            assert re.sub(MATCHER, "", value).strip("{}, ") == "", f"{value} is not read"
    assert depth == 0, text
    return Expression(selectors, grouped)


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at, end = 0, len(text.rstrip())
    while at < end:
        found = TOKEN.match(text, at)
        assert found is not None, f"{text[at : at + 20]!r} in {text}"
        at = found.end()
        kind = str(found.lastgroup)
        yield kind, found[kind]


def objections(text: str, families: Iterable[Family]) -> list[str]:
    """Metrics, labels and values of labels that an expression asks for and no scrape has."""
    series = dict(_series(families))
    found: list[str] = []
    labels: set[str] = set(SCRAPED)
    expression = parse(text)
    for metric, matchers in expression.selectors:
        if metric not in series:
            found.append(f"no metric {metric}")
            continue
        known = series[metric]
        labels |= known.keys()
        for label, operator, value in matchers:
            if label in SCRAPED:
                continue
            if label not in known:
                found.append(f"{metric} has no label {label}")
            elif known[label]:
                asked = value.split("|") if "~" in operator else [value]
                found += [f"{metric} has no {label} {one}" for one in asked if one not in known[label]]
    return found + [f"nothing has a label {one}" for one in sorted(expression.grouped_by - labels)]


def _series(families: Iterable[Family]) -> Iterator[tuple[str, dict[str, set[str]]]]:
    """Each series' name, its labels and their values; an empty set stands for any."""
    for family in families:
        labels = {family.label: {*family.values, OTHER}} if family.label else {}
        if family.kind == "histogram":
            yield f"{family.name}_bucket", {**labels, "le": set()}
            yield f"{family.name}_sum", labels
            yield f"{family.name}_count", labels
        else:
            yield family.name, labels


class Alert(NamedTuple):
    name: str
    expr: str
    severity: str
    summary: str
    description: str
    hold: str


def alerts(text: str) -> list[Alert]:
    """The rules of the shipped file, which is plain YAML: scalars on one line, or folded under `>-`."""
    found = []
    for block in re.split(r"^      - alert: ", text, flags=re.MULTILINE)[1:]:
        name, _, rest = block.partition("\n")
        fields: dict[str, str] = {}
        for key, folded, plain in re.findall(r"^ {8,10}(\w+):(?: >-\n((?: {10,}.*\n)+)| (.+)\n)", rest, re.MULTILINE):
            fields[key] = " ".join(folded.split()) if folded else plain
        wanted = {"expr", "severity", "summary", "description"}
        assert fields.keys() - {"for"} == wanted, (name, fields)
        found.append(
            Alert(
                name, *(fields[key] for key in ("expr", "severity", "summary", "description")), fields.get("for", "0s")
            )
        )
    return found
