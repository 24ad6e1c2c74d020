"""`bot outbox`, and what `bot calls` says of webhooks and results, by what is printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.cli import app
from tests.views.stored import calls_sample as sample

WHY = "the answer is 500"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments])


def printed(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_without_a_store_nothing_waits_and_none_is_made(record_dir: Path) -> None:
    assert printed("outbox") == "Nothing waits to be told, and nothing was given up.\n"
    assert printed("outbox", "--again") == "0 entries will be sent again, by the server that runs or the next one.\n"
    assert list(record_dir.iterdir()) == []


def test_what_was_given_up_is_told_below_the_calls_and_in_a_list_of_its_own(filled: Path) -> None:
    assert "bot outbox" not in printed("calls")
    sample.give_up(filled, sample.CUT, WHY)
    assert printed("calls").splitlines()[-1] == "1 webhook or result could not be had; bot outbox shows them."
    head, row, total = printed("outbox").splitlines()
    assert head.split() == ["came", "about", "what", "state", "attempts", "why", "call"]
    assert row.split()[2:] == ["call.transferred", "failed", "1", *WHY.split(), sample.CUT]
    assert total == "0 entries waiting, 1 given up; bot outbox --again sends them again."


def test_it_is_sent_again_by_command_all_of_it_or_of_one_call(filled: Path) -> None:
    for sid in (sample.CUT, sample.LATE):
        sample.give_up(filled, sid, WHY)
    assert (
        printed("outbox", sample.CUT[:5], "--again")
        == "1 entry will be sent again, by the server that runs or the next one.\n"
    )
    states = {one["call_sid"]: one["state"] for one in json.loads(printed("outbox", "--json"))["entries"]}
    assert states == {sample.CUT: "waiting", sample.LATE: "failed"}
    assert printed("outbox", sample.LATE).splitlines()[-1].startswith("0 entries waiting, 1 given up")
    assert printed("outbox", "--again") == "1 entry will be sent again, by the server that runs or the next one.\n"
    assert printed("outbox").splitlines()[-1] == "2 entries waiting, 0 given up."


@pytest.mark.parametrize("options", [(), ("--again",), ("--json",)])
def test_a_call_that_is_not_known_is_a_sentence(filled: Path, options: tuple[str, ...]) -> None:
    result = run("outbox", "CAffff", *options)
    assert result.exit_code == 1
    assert result.stderr == "No call on record has a SID that begins with CAffff; bot calls lists them.\n"


def test_the_page_of_a_call_has_its_result_its_cost_and_its_webhooks(filled: Path) -> None:
    sample.give_up(filled, sample.CUT, WHY)
    sample.give_result(filled, sample.CUT)
    shown = printed("calls", sample.CUT)
    came_of_it = shown.partition("What came of it\n")[2].splitlines()
    assert came_of_it[0].startswith("follow_up: They asked where their order is. <script>")
    assert came_of_it[1:3] == ["order: the one of Friday", "angry: false"]
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert f"{'the result':<18}  {'$0.0003':>9}" in shown
    rows = shown.partition("Webhooks\n")[2].splitlines()
    assert [row.split()[2:4] for row in rows[1:]] == [["call.transferred", "failed"], ["result", "delivered"]]
    whole = json.loads(printed("calls", sample.CUT, "--json"))
    assert whole["result"]["fields"] == sample.FIELDS
    assert [one["kind"] for one in whole["outbox"]] == ["call.transferred", "result"]


def test_words_of_a_result_whose_time_is_over_are_gone(filled: Path) -> None:
    sample.give_result(filled, sample.CUT)
    sample.purge_words(filled)
    assert "follow_up: (thrown away)\n" in printed("calls", sample.CUT)
