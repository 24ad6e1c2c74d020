"""Prometheus' own promtool judges the rules: they parse, none fires on a good day, each fires on its bad one.

Skipped where there is no promtool (Debian's package prometheus has it).
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bot.observe.catalogue import ALERTS, DASHBOARD, shipped
from bot.server.bookkeeping.metric_list import FAMILIES
from tests.observe.promql import Alert, alerts

PROMTOOL = shutil.which("promtool")
pytestmark = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")

RULES = {rule.name: rule for rule in alerts(shipped(ALERTS))}
MINUTES = 40
ENDED, BEGUN = "heardline_call_seconds_count", "heardline_call_begun_seconds_count"
DIALLED = 'heardline_sessions_dialled_total{purpose="call"}'
HEARD, LAG = 'heardline_wait_seconds_bucket{what="byte_heard"}', "heardline_loop_lag_seconds_bucket"
QUIET = {DIALLED: 0, BEGUN: 0, ENDED + '{reason="caller_hung_up"}': 0}

Grows = dict[str, float]
"""Growth of each series a minute; of a gauge the value; of a histogram the bound its samples are under."""

BAD_DAYS: dict[str, Grows] = {
    "HeardlineModelUnavailable": {ENDED + '{reason="model_unavailable"}': 1},
    "HeardlineKeyRefused": {'heardline_sessions_failed_total{failure="bad_key"}': 1},
    "HeardlineNoCredit": {'heardline_upstream_errors_total{code="insufficient_quota"}': 1},
    "HeardlineRateLimited": {'heardline_sessions_failed_total{failure="rate_limited"}': 1},
    "HeardlineSlowAnswers": {HEARD: 5},
    "HeardlineLoopLag": {LAG: 0.05},
    "HeardlineFull": {'heardline_webhooks_refused_total{why="full"}': 1},
    "HeardlineNearlyFull": {"heardline_calls_live": 85},
    "HeardlineTwilioLockedOut": {'heardline_webhooks_refused_total{why="signature"}': 1, **QUIET},
    "HeardlineUnsignedRequests": {'heardline_streams_refused_total{why="forged"}': 10},
    "HeardlineNoCallsBegin": {BEGUN: 0},
    "HeardlineLinesLost": {ENDED + '{reason="line_lost"}': 1},
    "HeardlineMarksMissing": {'heardline_marks_unused_total{why="missing"}': 2},
    "HeardlineAudioDropped": {'heardline_dropped_bytes_total{voice="caller"}': 160},
    "HeardlineCallsDrained": {ENDED + '{reason="drained"}': 1},
    "HeardlineDefect": {ENDED + '{reason="internal_error"}': 1},
    "HeardlineCallsCrashed": {"heardline_calls_crashed_total": 1},
    "HeardlineRecordingsFail": {"heardline_recordings_failed_total": 1},
    "HeardlineStoreAway": {"heardline_store_away": 1},
    "HeardlineRowsLost": {"heardline_store_rows_lost_total": 1},
    "HeardlineMoneyFast": {'heardline_usd_total{kind="model"}': 0.2},
    "HeardlineMoneyNearlySpent": {"heardline_daily_spent_usd": 81},
}
GOOD_DAY: Grows = {
    DIALLED: 5,
    BEGUN: 5,
    ENDED + '{reason="caller_hung_up"}': 5,
    HEARD: 1.5,
    LAG: 0.005,
    "heardline_calls_live": 20,
    "heardline_calls_limit": 100,
    "heardline_daily_limit_usd": 100,
    'heardline_usd_total{kind="model"}': 0.01,
    "heardline_daily_spent_usd": 20,
}


def every_series(grows: Grows) -> list[dict[str, str]]:
    """Each series of instance `a`, steady but for what grows."""
    found = []
    for family in FAMILIES:
        for value in family.values or ("",):
            label = f'{family.label}="{value}"' if value else ""
            if family.kind == "histogram":
                found.append(
                    _series(f"{family.name}_count", label, _of(grows, f"{family.name}_count", label), counter=True)
                )
                found += _buckets(family.name, family.buckets, label, grows)
            else:
                found.append(
                    _series(family.name, label, _of(grows, family.name, label), counter=family.kind == "counter")
                )
    return found


def _buckets(name: str, bounds: tuple[float, ...], label: str, grows: Grows) -> list[dict[str, str]]:
    """Ten samples a minute, all under the bound that was named."""
    under = _of(grows, f"{name}_bucket", label)
    texts = [(str(float(bound)), bound) for bound in bounds] + [("+Inf", float("inf"))]
    return [
        _series(
            f"{name}_bucket",
            ",".join(filter(None, (label, f'le="{text}"'))),
            10 if under and bound >= under else 0,
            counter=True,
        )
        for text, bound in texts
    ]


def _of(grows: Grows, name: str, label: str) -> float:
    return grows.get(f"{name}{{{label}}}" if label else name, 0)


def _series(name: str, labels: str, grows: float, *, counter: bool) -> dict[str, str]:
    values = f"0+{grows}x{MINUTES}" if counter else f"{grows}+0x{MINUTES}"
    every = ",".join(filter(None, (labels, 'instance="a"')))
    return {"series": f"{name}{{{every}}}", "values": values}


def expected(rule: Alert) -> list[dict[str, Any]]:
    """The alert as it fires for instance `a`."""
    labels = {"severity": rule.severity, **({"instance": "a"} if "$labels.instance" in rule.summary else {})}
    texts = {"summary": rule.summary.replace("{{ $labels.instance }}", "a"), "description": rule.description}
    return [{"exp_labels": labels, "exp_annotations": texts}]


def judged(tmp_path: Path, tests: list[dict[str, Any]]) -> str:
    """Objections of promtool against these tests; JSON is YAML."""
    (tmp_path / "rules.yml").write_text(shipped(ALERTS))
    (tmp_path / "tests.yml").write_text(
        json.dumps({"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": tests})
    )
    done = run("test", "rules", str(tmp_path / "tests.yml"))
    return "" if done.returncode == 0 else done.stdout + done.stderr


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(PROMTOOL), *arguments], capture_output=True, text=True, check=False)


def day(grows: Grows, fires: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    return {
        "interval": "1m",
        "input_series": every_series({**GOOD_DAY, **grows}),
        "alert_rule_test": [
            {"eval_time": f"{MINUTES}m", "alertname": name, "exp_alerts": firing} for name, firing in fires.items()
        ],
    }


def test_the_rules_are_rules(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(shipped(ALERTS))
    done = run("check", "rules", str(tmp_path / "rules.yml"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_the_dashboard_asks_is_promql(tmp_path: Path) -> None:
    board = json.loads(shipped(DASHBOARD))
    exprs = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
    rules = [
        {"record": f"panel:{number}", "expr": expr.replace("$__rate_interval", "5m")}
        for number, expr in enumerate(exprs)
    ]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = run("check", "rules", str(tmp_path / "rules.yml"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_fires_on_a_good_day_nor_where_nobody_calls(tmp_path: Path) -> None:
    nothing: dict[str, list[dict[str, Any]]] = {name: [] for name in RULES}
    assert (
        judged(tmp_path, [day({}, nothing), day({**dict.fromkeys(GOOD_DAY, 0), "heardline_calls_limit": 100}, nothing)])
        == ""
    )


def test_every_alert_but_absence_has_its_bad_day() -> None:
    assert [*BAD_DAYS] == [name for name in RULES if name != "HeardlineGone"]


@pytest.mark.parametrize("name", BAD_DAYS)
def test_an_alert_fires_on_its_bad_day(tmp_path: Path, name: str) -> None:
    assert judged(tmp_path, [day(BAD_DAYS[name], {name: expected(RULES[name])})]) == ""


def test_an_alert_fires_when_nothing_is_there(tmp_path: Path) -> None:
    gone = day({}, {"HeardlineGone": expected(RULES["HeardlineGone"])})
    assert judged(tmp_path, [{**gone, "input_series": []}]) == ""
