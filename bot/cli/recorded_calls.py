"""`bot replay`, `bot show`: recorded calls."""

# ruff: noqa: PLC0415  help shall come at once, so imports wait for the command that needs them
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.command_line import THE_STORE, WRONG_SETTINGS, EnvFile, app, fail, reason_of, settings_for

if TYPE_CHECKING:
    from bot.recording.fixture import Fixture


def _recorded(path: Path) -> Fixture:
    """The fixture at `path`; with what is none a sentence and exit code 2."""
    from bot.recording.fixture import BadFixture, read_fixture

    try:
        return read_fixture(path)
    except BadFixture as error:
        fail(f"{error}.", code=WRONG_SETTINGS)
    except (OSError, ValueError) as error:
        fail(f"{path} can't be read: {reason_of(error)}.", code=WRONG_SETTINGS)


@app.command()
def replay(
    fixtures: Annotated[list[Path], typer.Argument(metavar="FIXTURE...", help="Recorded calls (.call.jsonl, .gz).")],
) -> None:
    """Feed recorded calls to the core again and compare what it sends.

    Exit code 1 when any differs; the first difference of each is told in words.
    """
    from bot.recording.fixture import BadFixture
    from bot.recording.replay import replay as replay_fixture

    failed = False
    for path in fixtures:
        try:
            result = replay_fixture(_recorded(path))
        except BadFixture as error:
            fail(f"{error}.", code=WRONG_SETTINGS)
        typer.echo(str(result))
        failed = failed or not result.ok
    if failed:
        raise typer.Exit(1)


@app.command()
def show(
    fixture: Annotated[Path, typer.Argument(help="A recorded call (.call.jsonl, .gz).")],
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write a page with waveforms and sound instead."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Marks and routine messages too.")] = False,
    env_file: EnvFile = None,
) -> None:
    """Show a recorded call: who spoke when, what was heard, where it was cut.

    A page is told to the call store of the settings, if that knows the call: `bot forget` erases it with the rest.
    """
    from bot.views.timeline import timeline
    from bot.views.timeline_in_terminal import show as show_timeline

    recorded = _recorded(fixture)
    if html is None:
        show_timeline(timeline(recorded), minor=everything)
        return
    from bot.store.urls import StoreError, store_url
    from bot.views.stored.exporting import export_fixture_page

    settings = settings_for(env_file, *THE_STORE)
    try:
        where = store_url(settings)
    except StoreError:
        where = None
    try:
        known = export_fixture_page(where, recorded, html)
    except (OSError, ValueError) as error:
        fail(f"{html} can't be written: {reason_of(error)}.")
    typer.echo(str(html))
    if not known:
        typer.echo("No call store here knows this call: `bot forget` will not find the page.", err=True)
