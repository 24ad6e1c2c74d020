"""Metrics from a table: bounded labels, everything there from the start, and one answer for several processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.observe.metrics import MULTIPROCESS_DIR, OTHER, Family, Metrics, process_gone

FAMILIES = (
    Family("kettles_boiled_total", "counter", "Kettles."),
    Family("cups_total", "counter", "Cups.", "of", ("tea", "coffee")),
    Family("guests", "gauge", "Guests."),
    Family("sip_seconds", "histogram", "Sips.", "of", ("tea",), (0.1, 1)),
    Family("wait_seconds", "histogram", "Waiting.", buckets=(1, 2)),
)
IN_A_PROCESS = f"""
import os, sys
from bot.observe.metrics import Family, Metrics
metrics = Metrics({FAMILIES!r})
metrics.add("cups_total", float(sys.argv[1]), "tea")
metrics.set("guests", float(sys.argv[1]))
metrics.observe("wait_seconds", float(sys.argv[1]))
print(os.getpid(), flush=True)
print(metrics.exposition()[0].decode())
"""


def values(text: str) -> dict[str, float]:
    """Every sample by its name and label values."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = [sample.labels[name] for name in sorted(sample.labels, reverse=True)]  # `le` comes last
            found[" ".join((sample.name, *labels))] = sample.value
    return found


def shown(metrics: Metrics) -> dict[str, float]:
    return values(metrics.exposition()[0].decode())


def test_every_known_series_is_there_from_the_start() -> None:
    assert shown(Metrics(FAMILIES)) == dict.fromkeys(
        [
            *("kettles_boiled_total", "cups_total tea", "cups_total coffee", "guests"),
            *("sip_seconds_bucket tea 0.1", "sip_seconds_bucket tea 1.0", "sip_seconds_bucket tea +Inf"),
            *("sip_seconds_count tea", "sip_seconds_sum tea"),
            *("wait_seconds_bucket 1.0", "wait_seconds_bucket 2.0", "wait_seconds_bucket +Inf"),
            *("wait_seconds_count", "wait_seconds_sum"),
        ],
        0,
    )


def test_what_is_told_is_shown() -> None:
    metrics = Metrics(FAMILIES)
    metrics.add("kettles_boiled_total")
    metrics.add("kettles_boiled_total", 2)
    metrics.add("cups_total", 4, "coffee")
    metrics.set("guests", 7)
    metrics.set("guests", 5)
    metrics.observe("sip_seconds", 0.5, "tea")
    metrics.observe("wait_seconds", 1.5)
    found = shown(metrics)
    assert {
        name: found[name] for name in ("kettles_boiled_total", "cups_total tea", "cups_total coffee", "guests")
    } == {
        "kettles_boiled_total": 3,
        "cups_total tea": 0,
        "cups_total coffee": 4,
        "guests": 5,
    }
    assert [found[f"sip_seconds_bucket tea {bound}"] for bound in ("0.1", "1.0", "+Inf")] == [0, 1, 1]
    assert [found[f"wait_seconds_bucket {bound}"] for bound in ("1.0", "2.0", "+Inf")] == [0, 1, 1]
    assert (found["wait_seconds_count"], found["wait_seconds_sum"]) == (1, 1.5)


def test_no_stranger_makes_a_series() -> None:
    metrics = Metrics(FAMILIES)
    before = len(shown(metrics))
    for number in range(100):
        metrics.add("cups_total", value=f"CA{number:032x}")
    found = shown(metrics)
    assert found["cups_total other"] == 100
    assert len(found) == before + 1
    assert "CA" not in metrics.exposition()[0].decode()


def test_two_of_them_do_not_share_values() -> None:
    one, another = Metrics(FAMILIES), Metrics(FAMILIES)
    one.add("kettles_boiled_total")
    assert (shown(one)["kettles_boiled_total"], shown(another)["kettles_boiled_total"]) == (1, 0)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "text/plain; version=0.0.4"),
        ("text/html", "text/plain; version=0.0.4"),
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text; version=1.0.0"),
    ],
)
def test_the_form_is_what_was_asked_for(accept: str, kind: str) -> None:
    text, content_type = Metrics(FAMILIES).exposition(accept)
    assert content_type.startswith(kind)
    assert text.endswith(b"# EOF\n") == ("openmetrics" in kind)


def process(directory: Path, number: int) -> tuple[int, dict[str, float]]:
    """A process that counts `number` cups and has `number` guests: its id, and what it answers for all."""
    environ = {**os.environ, MULTIPROCESS_DIR: str(directory)}
    command = [sys.executable, "-W", "error", "-c", IN_A_PROCESS, str(number)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    pid, _, text = done.stdout.partition("\n")
    return int(pid), values(text)


def test_any_process_answers_for_all_and_the_dead_have_no_guests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MULTIPROCESS_DIR, str(tmp_path))
    first, found = process(tmp_path, 3)
    assert (found["cups_total tea"], found["cups_total coffee"], found["guests"]) == (3, 0, 3)
    second, found = process(tmp_path, 4)
    assert (found["cups_total tea"], found["guests"], found["wait_seconds_count"]) == (7, 7, 2)
    process_gone(first)
    process_gone(second)
    third, found = process(tmp_path, 5)
    assert (found["cups_total tea"], found["guests"], found["wait_seconds_count"]) == (12, 5, 3)
    assert len({first, second, third}) == 3


def test_without_other_processes_nobody_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MULTIPROCESS_DIR, raising=False)
    process_gone(1)


def test_a_command_that_serves_nobody_does_not_wait_for_the_library() -> None:
    code = "import sys, bot.cli, bot.server.http.app; sys.exit('prometheus_client' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_gauge_with_a_label_stands_apart_for_each_value() -> None:
    metrics = Metrics([Family("chairs", "gauge", "Chairs.", "of", ("wood", "iron"))])
    metrics.set("chairs", 4, "wood")
    metrics.set("chairs", 3, "wood")
    metrics.set("chairs", 2, "glass")
    assert shown(metrics) == {"chairs wood": 3, "chairs iron": 0, f"chairs {OTHER}": 2}


def test_what_every_process_knows_alike_is_not_added_up(tmp_path: Path) -> None:
    code = """
import sys
from bot.observe.metrics import Family, Metrics
metrics = Metrics([Family("seats", "gauge", "Seats.", common=True), Family("guests", "gauge", "Guests.")])
metrics.set("seats", float(sys.argv[1]))
metrics.set("guests", float(sys.argv[1]))
print(metrics.exposition()[0].decode())
"""
    environ = {**os.environ, MULTIPROCESS_DIR: str(tmp_path)}
    for number, found in ((30, (30, 30)), (20, (30, 50))):
        command = [sys.executable, "-W", "error", "-c", code, str(number)]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
        told = values(done.stdout)
        assert (told["seats"], told["guests"]) == found
