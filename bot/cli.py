"""The `bot` command. What a command needs is imported inside it, so that help comes at once.

Exit codes: 0 good, 1 the thing asked for failed, 2 wrong usage or settings.
"""

# ruff: noqa: PLC0415  help shall come at once, so imports wait for the command that needs them
from __future__ import annotations

import importlib.metadata
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from bot.config import Settings

WRONG_SETTINGS = 2

app = typer.Typer(
    name="bot",
    help="A phone bot between Twilio Media Streams and an OpenAI Realtime session.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

EnvFile = Annotated[
    Path | None,
    typer.Option(
        "--env-file",
        metavar="FILE",
        help="Also read settings from FILE, lines of NAME=value; the environment goes first. No other file is read.",
    ),
]


def main() -> None:
    """Run the command line."""
    app(prog_name="bot")


def fail(*sentences: str, code: int = 1) -> NoReturn:
    """End the command with each sentence on a line of standard error and no traceback."""
    for sentence in sentences:
        typer.echo(sentence, err=True)
    raise typer.Exit(code)


def settings_or_exit(env_file: Path | None) -> Settings:
    """The settings of the environment and `env_file`; with any of them wrong, all problems and exit code 2."""
    from bot.config import SettingsError, load_settings, read_env_file

    try:
        return load_settings(os.environ, read_env_file(env_file) if env_file else None)
    except SettingsError as error:
        fail(*error.problems, code=WRONG_SETTINGS)


def _version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"heardline {importlib.metadata.version('heardline')}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    _wanted: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


@app.command()
def check(env_file: EnvFile = None) -> None:
    """Show all settings and what is missing.

    Every setting with its value and source, secrets masked; then what has no effect or will not last, and what is
    missing for a real call. Exit code 2 when a setting is wrong.
    """
    from rich.console import Console

    from bot.server.check import examine, show

    report = examine(settings_or_exit(env_file))
    show(report, Console())
    if report.problems:
        fail(*report.problems, code=WRONG_SETTINGS)
