"""The shipped alert rules and dashboard ask only for what there is, and say what to do."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from bot.docs import source
from bot.observe.catalogue import ALERTS, DASHBOARD, shipped
from bot.observe.metrics import Family
from bot.server.bookkeeping.metric_list import FAMILIES
from tests.observe.promql import Alert, alerts, objections, parse

RULES = alerts(shipped(ALERTS))
BOARD: dict[str, Any] = msgspec.json.decode(shipped(DASHBOARD))
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
TARGETS = [(panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]]
SOME = (
    Family("cups_total", "counter", "", "of", ("tea", "coffee")),
    Family("sip_seconds", "histogram", "", "of", ("tea",), (1,)),
)


# ---- the reader ----


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('sum by (of) (rate(cups_total{of="tea"}[5m])) > 0.5', []),
        ('cups_total{of=~"tea|coffee", instance="a"} * 2', []),
        ("histogram_quantile(0.9, sum by (le, instance) (rate(sip_seconds_bucket[5m])))", []),
        ("absent(sip_seconds_count) and sip_seconds_sum", []),
        ("mugs_total > 0", ["no metric mugs_total"]),
        ("rate(sip_seconds[5m])", ["no metric sip_seconds"]),
        ('cups_total{colour="blue"}', ["cups_total has no label colour"]),
        ('cups_total{of="cocoa"}', ["cups_total has no of cocoa"]),
        ('cups_total{of=~"tea|cocoa"}', ["cups_total has no of cocoa"]),
        ('cups_total{le="1"}', ["cups_total has no label le"]),
        ("sum by (le) (rate(cups_total[5m]))", ["nothing has a label le"]),
    ],
)
def test_what_a_scrape_does_not_have_is_found(text: str, wrong: list[str]) -> None:
    assert objections(text, SOME) == wrong


@pytest.mark.parametrize(
    "text",
    ["rat(cups_total[5m])", "cups_total)", "(cups_total", "cups_total[5x]", "cups_total{of=tea}", "{} > 1", "a ? b"],
)
def test_what_the_reader_does_not_know_fails(text: str) -> None:
    with pytest.raises(AssertionError):
        parse(text)


# ---- the rules ----


def test_every_rule_is_read() -> None:
    text = shipped(ALERTS)
    assert len(RULES) == text.count("- alert:") == text.count("expr:") > 15
    assert len({rule.name for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_an_alert_looks_at_what_there_is(rule: Alert) -> None:
    assert objections(rule.expr, FAMILIES) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_an_alert_says_what_is_wrong_and_what_to_do(rule: Alert) -> None:
    assert re.fullmatch("Heardline[A-Z][A-Za-z]+", rule.name)
    assert rule.severity in {"critical", "warning"}
    assert re.fullmatch(r"\d+[sm]", rule.hold)
    assert rule.summary.endswith(".")
    assert rule.description.endswith((".", "?"))
    assert len(rule.description) > 50
    named = set(re.findall(r"\b(?:BOT|OPENAI|TWILIO)_[A-Z_]+\b", rule.summary + rule.description))
    assert all(f"`{name}`" in source("settings") for name in named)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_an_alert_names_the_instance_when_it_is_about_one(rule: Alert) -> None:
    assert ("$labels.instance" in rule.summary) == ("instance" in parse(rule.expr).grouped_by)


def test_the_manual_lists_every_alert() -> None:
    text = source("watching").partition("| alert | what it says |\n")[2].partition("\n<!--")[0]
    said = [rule.summary.replace("{{ $labels.instance }}", "an instance") for rule in RULES]
    assert text.splitlines()[1:] == [f"| `{rule.name}` | {words} |" for rule, words in zip(RULES, said, strict=True)]


# ---- the dashboard ----


@pytest.mark.parametrize(("title", "expr"), TARGETS)
def test_a_panel_looks_at_what_there_is(title: str, expr: str) -> None:
    assert objections(expr, FAMILIES) == [], title
    assert 'instance=~"$instance"' in expr, f"{title} does not follow the choice of instances"


def test_the_legend_of_a_panel_names_labels_it_groups_by() -> None:
    for panel in PANELS:
        for target in panel["targets"]:
            named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            assert named == parse(target["expr"]).grouped_by - {"le", "instance"}, (panel["title"], target)


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {selector.metric for _, expr in TARGETS for selector in parse(expr).selectors}
    bare = {re.sub("_(bucket|count|sum)$", "", name) for name in shown} | shown
    assert [one.name for one in FAMILIES if one.name not in bare] == []


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    ids = [panel["id"] for panel in BOARD["panels"]]
    assert len(set(ids)) == len(ids)
    cells: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        place = panel["gridPos"]
        mine = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not mine & cells, panel["title"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        cells |= mine


def test_the_dashboard_takes_the_data_source_of_whoever_imports_it() -> None:
    variables = {one["name"]: one for one in BOARD["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert variables["instance"]["query"]["query"] == "label_values(heardline_calls_live, instance)"
    sources = {target["datasource"]["uid"] for panel in PANELS for target in panel["targets"]}
    assert sources == {"${datasource}"}
    assert "http://" not in shipped(DASHBOARD)
