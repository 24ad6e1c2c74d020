"""`bot help`: its list, its topics on a terminal and in a pipe, and what it says of a topic that is none."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import typer
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text
from typer.testing import CliRunner, Result

from bot.cli import app
from bot.docs import TOPICS, nearest, page, source, summary
from bot.docs.terminal_reader import list_topics, show

DOCS = Path(__file__).parents[2] / "bot/docs"


def asked(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["help", *arguments])


def terminal(width: int = 100) -> tuple[Console, io.StringIO]:
    written = io.StringIO()
    return Console(file=written, force_terminal=True, width=width, color_system="standard"), written


def test_every_file_is_a_topic() -> None:
    assert sorted(TOPICS) == sorted(path.stem for path in DOCS.glob("*.md"))


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_opens_with_its_title_and_one_sentence(topic: str) -> None:
    title, sentence = source(topic).split("\n\n")[:2]
    assert title.startswith("# ")
    assert sentence == summary(topic)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    assert len(sentence) <= 120


def test_a_topic_that_has_the_name_of_a_command_tells_of_it() -> None:
    """`bot help NAME` shows the topic; `bot NAME --help` is left for the command."""
    both = set(TOPICS) & set(getattr(typer.main.get_command(app), "commands", {}))
    assert all(f"`bot {name}` " in source(name) for name in both)


def test_help_lists_every_topic_with_its_sentence() -> None:
    lines = asked().stdout.splitlines()
    assert [line.split()[0] for line in lines[: len(TOPICS)]] == list(TOPICS)
    assert all(summary(topic) in line for topic, line in zip(TOPICS, lines, strict=False))


@pytest.mark.parametrize("topic", TOPICS)
def test_in_a_pipe_a_topic_is_its_plain_text(topic: str) -> None:
    result = asked(topic)
    assert (result.exit_code, result.stdout) == (0, page(topic))
    assert "\x1b" not in result.stdout
    assert "<!--" not in result.stdout
    assert ".md)" not in result.stdout


def test_a_link_to_a_topic_names_the_command_that_shows_it() -> None:
    assert "stands in `bot help proved`" in page("azure-and-xai")
    assert "keeps the call as a fixture (`bot help testing`) too" in page("recording")


@pytest.mark.parametrize("topic", TOPICS)
def test_on_a_terminal_a_topic_is_rendered_and_fits(topic: str) -> None:
    console, written = terminal(80)
    show(topic, console)
    told = written.getvalue()
    assert "\x1b[" in told
    assert "|---|" not in told
    assert max(cell_len(line) for line in Text.from_ansi(told).plain.splitlines()) <= 80


def test_on_a_terminal_the_list_has_every_topic() -> None:
    console, written = terminal()
    list_topics(console)
    assert all(topic in written.getvalue() for topic in TOPICS)


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("mony", "money"),
        ("Deploy", "deploying"),
        ("money.md", "money"),
        ("xai", "azure-and-xai"),
        ("openai", "openai-realtime"),
        ("heroku", "deploying"),
        ("prometheus", "watching"),
        ("31920", "twilio-voice"),
        ("drained", "troubleshooting"),
    ],
)
def test_an_unknown_topic_names_the_nearest(wrong: str, meant: str) -> None:
    result = asked(wrong)
    assert result.exit_code == 2
    assert result.stderr == f"The manual has no topic {wrong!r}; did you mean `bot help {meant}`?\n"


def test_what_is_near_to_nothing_is_told_where_the_list_is() -> None:
    assert nearest("zzzzzzzz") == ""
    result = asked("zzzzzzzz")
    assert (result.exit_code, result.stderr) == (2, "The manual has no topic 'zzzzzzzz'; `bot help` lists them.\n")


def test_the_name_of_a_command_shows_what_it_takes() -> None:
    result = asked("calls")
    assert result.exit_code == 0
    assert "--min-usd" in result.stdout
