"""BOT_MCP, a TOML file with a table for each remote MCP server.

    [library]
    url = "https://mcp.example.com/mcp"
    about = "The catalogue of the library."
    authorization = "LIBRARY_TOKEN"
    allowed_tools = ["find_book", "reserve"]
    approval = "never"
    approvals = { reserve = "key" }

Every ValueError is in words that follow the variable's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, ValidationInfo

from bot.config.remote_tools.mcp_server import McpServer, parse_server
from bot.config.values.toml_file import read_tables

MOST_SERVERS = 16


def read_servers(path: object, info: ValidationInfo) -> object:
    """The servers of the TOML file at `path`, with the credentials that the environment has for them."""
    if not isinstance(path, str):
        return path
    environ: Mapping[str, str] = (info.context or {}).get("environ", {})
    servers = []
    for name, table in read_tables(path, "server").items():
        try:
            servers.append(parse_server(name, table, environ))
        except ValueError as error:
            raise ValueError(f"has a server [{name}] that {error}") from None
    if not servers:
        raise ValueError("must have a server, such as [library] with a url")
    if len(servers) > MOST_SERVERS:
        raise ValueError(f"must have at most {MOST_SERVERS} servers")
    return tuple(servers)


McpFile = Annotated[tuple[McpServer, ...], BeforeValidator(read_servers)]
