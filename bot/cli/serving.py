"""`bot serve`, `bot check`, `bot metrics`: the server, and what is known of it before it runs."""

# ruff: noqa: PLC0415  help shall come at once, so imports wait for the command that needs them
from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.command_line import WRONG_SETTINGS, EnvFile, all_settings, app, fail

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@app.command()
def serve(
    env_file: EnvFile = None,
    *,
    offline: Annotated[
        bool, typer.Option("--offline", help="Answer with the offline agent: a free line test, without a key.")
    ] = False,
) -> None:
    """Answer calls: the server behind the phone number.

    Settings come from the environment; `bot check` shows them. SIGTERM or Ctrl-C ends it. With --offline no key is
    needed and no model asked: the extra `offline` has the agent that answers, in a process beside this one.
    """
    if not offline:
        _serve(env_file)
        return
    from bot.offline.installed import HOW_TO_GET_IT, is_installed

    if not is_installed():
        fail(f"--offline needs what is not installed. {HOW_TO_GET_IT}", code=WRONG_SETTINGS)
    from bot.offline.companion_keeper import CompanionFailed, companion, offline_settings

    try:
        with companion() as url:
            _serve(env_file, over=offline_settings(url))
    except CompanionFailed as error:
        fail(str(error))


def _serve(env_file: Path | None, over: Mapping[str, str] | None = None) -> None:
    """Serve with the settings there are, `over` before all of them."""
    import structlog

    from bot.config.profiles import load_profiles
    from bot.console.routes import console
    from bot.doctor.readiness import hindrances, judge
    from bot.observe.logging import configure
    from bot.server.setup.listen_address import CannotListen
    from bot.server.workers.operator_messages import OperatorMessages
    from bot.server.workers.serve import run

    settings = all_settings(env_file, over)
    judged = judge(settings)
    if not judged.ready:
        fail(*judged.problems, *judged.missing, code=WRONG_SETTINGS)
    configure(settings.log_level, settings.log_format, secrets=settings.secrets)
    if over:
        structlog.get_logger().warning("offline_agent", url=settings.openai_realtime_url)
    profiles = load_profiles(settings)
    profiles.judge = hindrances
    try:
        run(settings, OperatorMessages(settings, judged.warnings), profiles, [console])
    except CannotListen as error:
        fail(str(error))


@app.command()
def check(env_file: EnvFile = None) -> None:
    """Show all settings and what is missing.

    What is wrong or missing for a real call, what has no effect or will not last; then every setting with its value
    and source, secrets masked. Exit code 1 when a real call could not work, 2 when a setting is wrong.
    """
    from rich.console import Console

    from bot.doctor.check import examine, show

    report = examine(all_settings(env_file))
    for sentence in report.judged.problems:
        typer.echo(sentence, err=True)
    show(report, Console())
    if not report.judged.ready:
        raise typer.Exit(WRONG_SETTINGS if report.judged.problems else 1)


@app.command()
def metrics(
    *,
    alerts: Annotated[bool, typer.Option("--alerts", help="Print alert rules for Prometheus, in YAML.")] = False,
    dashboard: Annotated[bool, typer.Option("--dashboard", help="Print a dashboard for Grafana, in JSON.")] = False,
) -> None:
    """Show what /metrics tells, or print what is built on it."""
    from rich.console import Console

    from bot.observe.catalogue import ALERTS, DASHBOARD, shipped, show
    from bot.server.bookkeeping.metric_list import FAMILIES

    if alerts and dashboard:
        fail("Ask for --alerts or --dashboard, one at a time.", code=WRONG_SETTINGS)
    if alerts or dashboard:
        typer.echo(shipped(ALERTS if alerts else DASHBOARD), nl=False)
    else:
        show(FAMILIES, Console(highlight=False))
