"""`bot calls`, `bot outbox`, `bot forget`: calls on record."""

# ruff: noqa: PLC0415  help shall come at once, so imports wait for the command that needs them
from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.command_line import THE_STORE, WRONG_SETTINGS, EnvFile, app, fail, settings_for

if TYPE_CHECKING:
    pass


@app.command()
def calls(
    sid: Annotated[str | None, typer.Argument(metavar="SID", help="One call: its SID, or how that begins.")] = None,
    *,
    day: Annotated[str | None, typer.Option(metavar="DAY", help="Calls of that day on this machine's clock.")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="From that day or time on.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Up to that time, or the end of that day.")] = None,
    number: Annotated[str | None, typer.Option(metavar="NUMBER", help="Calls from that number.")] = None,
    reason: Annotated[str | None, typer.Option(metavar="REASON", help="Calls that ended so; live: that go on.")] = None,
    min_usd: Annotated[str | None, typer.Option(metavar="X", help="Calls that cost that many dollars or more.")] = None,
    profile: Annotated[
        str | None, typer.Option(metavar="NAME", help="Calls with that profile's settings; '' for none.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="At most so many calls, the newest.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the call as a page with waveforms and sound.")
    ] = None,
    vcon: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the call as a vCon.")] = None,
    env_file: EnvFile = None,
) -> None:
    """List the calls on record, or show one: what was said and heard, what it cost, why it ended."""
    from rich.console import Console

    from bot.views.queries.call_query import Question
    from bot.views.queries.command_failures import Failed
    from bot.views.stored import stored_commands

    asked = Question(day, since, until, number, reason, min_usd, limit, profile)
    wanted = stored_commands.Wanted(as_json, html, vcon)
    used = {"BOT_PII_KEY": number is not None, "BOT_PRICES": sid is not None, "PUBLIC_URL": vcon is not None}
    needed = [*THE_STORE, *(name for name, is_used in used.items() if is_used)]
    try:
        stored_commands.calls(settings_for(env_file, *needed), sid, asked, wanted, Console(highlight=False))
    except Failed as failed:
        fail(*failed.sentences, code=failed.code)


@app.command()
def outbox(
    sid: Annotated[str | None, typer.Argument(metavar="SID", help="One call: its SID, or how that begins.")] = None,
    *,
    again: Annotated[bool, typer.Option("--again", help="Send again what was given up.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    env_file: EnvFile = None,
) -> None:
    """List the webhooks and results that wait or were given up, or have the latter sent again."""
    from rich.console import Console

    from bot.views.queries.command_failures import Failed
    from bot.views.stored import stored_commands

    settings = settings_for(env_file, *THE_STORE)
    try:
        stored_commands.outbox(settings, sid, Console(highlight=False), again=again, as_json=as_json)
    except Failed as failed:
        fail(*failed.sentences, code=failed.code)


@app.command()
def forget(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="The caller's number, such as +15555550142.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
    env_file: EnvFile = None,
) -> None:
    """Erase everything about a caller: records, fixtures, recordings and exports.

    Says what was erased; exit code 1 when something could not be. The server may run meanwhile.
    """
    from bot.views.queries.command_failures import Failed
    from bot.views.stored import stored_commands

    def sure(about: str) -> bool:
        typer.echo(about)
        if not yes and not _person_asked():
            fail("Nothing was erased: add --yes where nobody can be asked.", code=WRONG_SETTINGS)
        return yes or typer.confirm("Erase them for ever?")

    try:
        erased = stored_commands.forget(settings_for(env_file, *THE_STORE, "BOT_PII_KEY"), number, sure)
    except Failed as failed:
        fail(*failed.sentences, code=failed.code)
    for line in erased.story:
        typer.echo(line)
    if erased.failures:
        fail(*erased.failures)


def _person_asked() -> bool:
    return sys.stdin.isatty()
