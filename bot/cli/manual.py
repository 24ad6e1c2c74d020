"""`bot help`: the manual in a terminal."""

# ruff: noqa: PLC0415  help shall come at once, so imports wait for the command that needs them
from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.command_line import WRONG_SETTINGS, app, fail

if TYPE_CHECKING:
    pass


@app.command("help")
def help_(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="COMMAND", help="The command to tell about.")] = None,
) -> None:
    """Tell what the commands do, or how one is used."""
    group: Any = typer.main.get_command(app)
    arguments = [name, "--help"] if name else ["--help"]
    group.main(arguments, prog_name=context.find_root().info_name, standalone_mode=True)


@app.command("help")
def show_help(
    context: typer.Context,
    topic: Annotated[str | None, typer.Argument(metavar="TOPIC", help="A topic of the manual, or a command.")] = None,
) -> None:
    """Show the manual: its topics, or one of them."""
    from rich.console import Console

    from bot.docs import TOPICS, nearest
    from bot.docs.terminal_reader import list_topics, show

    console = Console(highlight=False)
    command = _command_called(context, topic)
    if topic is None:
        list_topics(console)
        typer.echo("\nRead one with `bot help TOPIC`; `bot --help` lists the commands.")
    elif topic in TOPICS:
        show(topic, console)
    elif command:
        typer.echo(command)
    else:
        close = nearest(topic)
        meant = f"did you mean `bot help {close}`?" if close else "`bot help` lists them."
        fail(f"The manual has no topic {topic!r}; {meant}", code=WRONG_SETTINGS)


def _command_called(context: typer.Context, name: str | None) -> str:
    """The help of that command; "" for what is none."""
    group = context.find_root()
    found = getattr(group.command, "commands", {}).get(name)
    return str(found.get_help(found.make_context(name, [], parent=group, resilient_parsing=True))) if found else ""
