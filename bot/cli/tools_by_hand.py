"""`bot tools`: the tools the model may use, their rules, and one run by hand."""

# ruff: noqa: PLC0415  help shall come at once, so imports wait for the command that needs them
from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.command_line import WRONG_SETTINGS, EnvFile, app, fail, settings_for

if TYPE_CHECKING:
    from bot.config.remote_tools.mcp_server import McpServer
    from bot.tools import Result, Toolbox

THE_TOOLS = ("BOT_TOOLS", "BOT_TOOLS_URL", "BOT_WEBHOOK_SECRET", "BOT_MCP")
"""The settings that say which tools there are."""


@app.command()
def tools(
    name: Annotated[str, typer.Argument(metavar="[TOOL]", help="Run this tool.")] = "",
    arguments: Annotated[str, typer.Argument(metavar="[ARGUMENTS]", help="Its arguments, a JSON object.")] = "{}",
    *,
    caller: Annotated[str, typer.Option("--caller", metavar="NUMBER", help="The caller to run it for.")] = "",
    env_file: EnvFile = None,
) -> None:
    """List and check the tools of BOT_TOOLS and BOT_TOOLS_URL and the servers of BOT_MCP, or run one tool by hand.

    Each with what the model is told of it and its rules. A tool that is run does what it does in a call; what the model
    would be told of it is printed. Servers of BOT_MCP are asked for their tools, as the model's side will ask them; it
    alone runs these. Exit code 1 when a run failed or such a server did not answer, 2 when a tool can't be used.
    """
    import asyncio

    from bot.observe.logging import configure
    from bot.tools import BadTool

    settings = settings_for(env_file, *THE_TOOLS)
    configure(settings.log_level, "console", secrets=settings.secrets)
    if not (settings.tools or settings.tools_url or settings.mcp):
        fail(
            "There are no tools: set BOT_TOOLS to a Python module, BOT_TOOLS_URL to a server of yours, or BOT_MCP to a "
            "file of MCP servers.",
            code=2,
        )
    from bot.tools.toolbox import Toolbox
    from bot.tools.toolboxes import sources_of

    try:
        toolbox = Toolbox(sources_of(settings))
        result = asyncio.run(_opened(toolbox, name, arguments, caller, settings.language))
    except BadTool as error:
        fail(str(error), code=WRONG_SETTINGS)
    if result is None:
        _list(toolbox)
        answered = [_list_server(server) for server in settings.mcp]
        if not all(answered):
            raise typer.Exit(1)
    else:
        typer.echo(result.output)
        if not result.respond:
            typer.echo("Of this the bot would say nothing.", err=True)
        if not result.ok:
            raise typer.Exit(1)


async def _opened(toolbox: Toolbox, name: str, arguments: str, caller: str, language: str) -> Result | None:
    """Open the toolbox and run the tool, if one was named."""
    import difflib

    from bot.tools import BadTool, ToolContext

    try:
        await toolbox.open()
        known = [one.name for one in toolbox.functions()]
        if name and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise BadTool(f"There is no tool {name}; {near[0] if near else ', '.join(known)} there is.")
        return await toolbox.run(name, arguments, ToolContext("by hand", caller, language)) if name else None
    finally:
        await toolbox.close()


def _list_server(server: McpServer) -> bool:
    """Print a remote server with its rules, and what it has. False if it did not answer."""
    import asyncio

    from bot.tools import BadTool
    from bot.tools.mcp_servers import NO_PACKAGE, tools_of

    typer.echo(f"{server.name}: the MCP server at {server.url}{f'. {server.about}' if server.about else ''}")
    rules = [f"approval={server.approval}", *(f"{tool}={rule}" for tool, rule in server.approvals)]
    typer.echo(f"  rules: {', '.join(rules)}; timeout {server.timeout_s:g} s")
    try:
        tools = asyncio.run(tools_of(server.url, server.sent, server.tools))
    except BadTool as error:
        typer.echo(f"  {server.name}: {error}.", err=True)
        return str(error) == NO_PACKAGE
    for tool in tools:
        typer.echo(f"  {tool['name']}: {(tool.get('description') or 'no description').splitlines()[0]}")
    missing = sorted({*server.tools, *dict(server.approvals)} - {tool["name"] for tool in tools})
    for name in missing:
        typer.echo(f"  {server.name}: it has no tool {name}; mend BOT_MCP.", err=True)
    return not missing


def _list(toolbox: Toolbox) -> None:
    """Print each tool: what it is for, its arguments, and the rules that are not the defaults."""
    import msgspec

    from bot.call.settings import ToolRules

    for function, rules in toolbox.specs():
        typer.echo(f"{function.name}: {function.description.splitlines()[0]}")
        needed = function.parameters.get("required", [])
        for argument, schema in function.parameters.get("properties", {}).items():
            kind = schema.get("type") or "/".join(one.get("type", "?") for one in schema.get("anyOf", [])) or "any"
            about = f": {schema['description']}" if "description" in schema else ""
            typer.echo(f"  {argument} ({kind}{'' if argument in needed else ', may be left out'}){about}")
        chosen = msgspec.to_builtins(rules)
        defaults = msgspec.structs.asdict(ToolRules(function.name))
        set_to = [f"{rule}={value}" for rule, value in chosen.items() if value != defaults[rule]]
        typer.echo(f"  rules: {', '.join(set_to) or 'the defaults'}; timeout {rules.timeout_s:g} s")
