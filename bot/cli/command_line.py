"""Parts shared by every group of commands: the `bot` command itself, its settings, how it fails.

Exit codes: 0 good, 1 the thing asked for failed, 2 wrong usage or settings.
"""

# ruff: noqa: PLC0415  help shall come at once, so imports wait for the command that needs them
from __future__ import annotations

import errno
import gc
import importlib.metadata
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.config import Settings

WRONG_SETTINGS = 2
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""Errors of a disk that is full or fails under an output file."""
THE_STORE = ("DATABASE_URL", "BOT_RECORD_DIR")
"""The settings that say where the calls on record are."""
LISTED = (
    *("help", "serve", "demo", "model", "call", "dial", "replay", "show", "calls", "outbox", "forget", "check"),
    *("tools", "metrics"),
)
"""The commands as help lists them: in the order in which people come to need them."""


class _InOrder(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:  # whose click it is depends on typer's version
        return sorted(super().list_commands(ctx), key=LISTED.index)


app = typer.Typer(
    name="bot",
    cls=_InOrder,
    help="A phone bot between Twilio Media Streams and an OpenAI Realtime session.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["--help", "-h"]},
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
    gc.set_threshold(50_000)  # looking for cycles among what is imported takes a fifth of a short command's time
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that can't show a letter is no reason to fail
    if not os.environ.get("COLUMNS", "").strip("0"):
        os.environ.pop("COLUMNS", None)  # a terminal of no width is one whose width is not known
    try:
        app(prog_name="bot")
    except OSError as error:
        if error.errno not in _FULL:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains once more as it ends
        typer.echo(f"What there is to say can't be written: {error.strerror}.", err=True)
        sys.exit(1)


def fail(*sentences: str, code: int = 1) -> NoReturn:
    """End the command with each sentence on a line of standard error and no traceback."""
    for sentence in sentences:
        typer.echo(sentence, err=True)
    raise typer.Exit(code)


def all_settings(env_file: Path | None, over: Mapping[str, str] | None = None) -> Settings:
    """The settings for answering calls, `over` before all others; with any of them wrong, all that keeps a server from
    it and exit code 2.
    """
    from bot.config import SettingsError
    from bot.doctor.readiness import judge_rest

    try:
        return _settings(env_file, over)
    except SettingsError as error:
        fail(*error.problems, *judge_rest(error), code=WRONG_SETTINGS)


def settings_for(env_file: Path | None, *needed: str) -> Settings:
    """The settings named in `needed`, and all others that are right; with one of those wrong, exit code 2."""
    from bot.config import SettingsError, misspelt_among

    try:
        settings = _settings(env_file)
    except SettingsError as error:
        problems = error.about(needed)
        if problems or error.rest is None:
            fail(*problems, code=WRONG_SETTINGS)
        settings = error.rest
    for sentence in misspelt_among(settings, needed):
        typer.echo(sentence, err=True)
    return settings


def _settings(env_file: Path | None, over: Mapping[str, str] | None = None) -> Settings:
    from bot.config import load_settings, read_env_file

    return load_settings({**os.environ, **(over or {})}, read_env_file(env_file) if env_file else None)


def reason_of(error: Exception) -> str:
    """The reason why a file could not be used, in a few words."""
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


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
