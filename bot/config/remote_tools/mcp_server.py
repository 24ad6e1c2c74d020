"""A remote MCP server, as its table in the file of BOT_MCP describes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, get_args

from bot.config.values.value_checks import MASKED_CHARS, mcp_url

Approval = Literal["never", "always", "key"]
APPROVALS: tuple[Approval, ...] = get_args(Approval)
TIMEOUT_S = 20.0
LONGEST_S = 300.0
MAX_WORDS = 300
MOST_TOOLS = 64
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")
_TOOL = re.compile(r"[A-Za-z0-9_./-]{1,128}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_CREDENTIAL = re.compile(r"[ !#-\[\]-~]+")
"""Visible ASCII that stands in JSON as it is, so that it is found there and masked."""
_MEANWHILE = ("preamble", "filler", "nothing")
_KEYS = (
    *("url", "about", "authorization", "headers", "allowed_tools", "approval", "approvals", "timeout_s", "meanwhile"),
)


class McpServer(NamedTuple):
    """`authorization` and the values of `headers` are names of environment variables; `credentials` what stands there.

    `approval` is the rule for every tool that `approvals` does not name: `never` asked for, `always` asked for and
    given by the bot, or a `key` pressed by the caller. `tools` empty: all that the server has.
    """

    name: str
    url: str
    about: str = ""
    authorization: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    tools: tuple[str, ...] = ()
    approval: Approval = "key"
    approvals: tuple[tuple[str, Approval], ...] = ()
    timeout_s: float = TIMEOUT_S
    meanwhile: str = "preamble"
    credentials: tuple[tuple[str, str], ...] = ()

    @property
    def sent(self) -> dict[str, str]:
        """The headers that it is to be asked with, as they go over the wire."""
        values = dict(self.credentials)
        bearer = {"Authorization": f"Bearer {values[self.authorization]}"} if self.authorization else {}
        return {**{name: values[variable] for name, variable in self.headers}, **bearer}

    def __repr__(self) -> str:
        """Name and place alone: what is kept of it beside may be secret."""
        return f"McpServer({self.name!r}, {self.url!r})"


def parse_server(name: str, table: Mapping[str, Any], environ: Mapping[str, str]) -> McpServer:
    """The server `name` as its table of TOML describes it. Raises ValueError, in words that follow its name."""
    if not _NAME.fullmatch(name):
        raise ValueError("must have a name of at most 32 letters, digits, - and _ that begins with a letter")
    if strange := sorted(table.keys() - set(_KEYS)):
        raise ValueError(f"has {strange[0]!r}, which nothing reads; it may have {', '.join(_KEYS)}")
    url, authorization, headers = _text(table, "url"), _text(table, "authorization"), _headers(table)
    try:
        mcp_url(url)
    except ValueError as error:
        raise ValueError(f"has a url that {error}") from None
    named = [*([authorization] if authorization else []), *(variable for _, variable in headers)]
    tools = _names(table, "allowed_tools")
    return McpServer(
        name,
        url,
        _about(table),
        authorization,
        headers,
        tools,
        _approval(table.get("approval", "key")),
        _approvals(table, tools),
        _timeout_s(table.get("timeout_s", TIMEOUT_S)),
        _meanwhile(table),
        tuple((variable, _credential(variable, environ)) for variable in dict.fromkeys(named)),
    )


def _text(table: Mapping[str, Any], key: str) -> str:
    text = table.get(key, "")
    if not isinstance(text, str):
        raise ValueError(f"must have its {key} as text, in quotes")  # noqa: TRY004  a person's slip, told as such
    return text.strip()


def _about(table: Mapping[str, Any]) -> str:
    text = _text(table, "about")
    if not text.isprintable() or len(text) > MAX_WORDS:
        raise ValueError(f"must have its about on one line of at most {MAX_WORDS} characters")
    return text


def _headers(table: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    headers = table.get("headers", {})
    if not isinstance(headers, dict) or not all(isinstance(one, str) for one in headers.values()):
        raise ValueError('must have its headers as a table, such as headers = { X-Key = "NAME_OF_A_VARIABLE" }')
    if wrong := next((one for one in headers if not _HEADER.fullmatch(one)), None):
        raise ValueError(f"has {wrong!r} among its headers, which is no name of a header")
    return tuple(headers.items())


def _names(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    names = table.get(key, [])
    if not isinstance(names, list) or not all(isinstance(one, str) and _TOOL.fullmatch(one) for one in names):
        raise ValueError(f'must have its {key} as a list of names of tools, such as {key} = ["find"]')
    if len(names) > MOST_TOOLS:
        raise ValueError(f"must have at most {MOST_TOOLS} names in its {key}")
    return tuple(dict.fromkeys(names))


def _approval(chosen: object) -> Approval:
    for one in APPROVALS:
        if chosen == one:
            return one
    raise ValueError(f"must have each approval as one of {', '.join(APPROVALS)}")


def _approvals(table: Mapping[str, Any], tools: tuple[str, ...]) -> tuple[tuple[str, Approval], ...]:
    approvals = table.get("approvals", {})
    if not isinstance(approvals, dict) or not all(_TOOL.fullmatch(one) for one in approvals):
        raise ValueError('must have its approvals as a table of tools, such as approvals = { find = "never" }')
    if strange := [one for one in approvals if tools and one not in tools]:
        raise ValueError(f"has an approval for {strange[0]}, which is not among its allowed_tools")
    return tuple((tool, _approval(chosen)) for tool, chosen in approvals.items())


def _timeout_s(chosen: object) -> float:
    if isinstance(chosen, bool) or not isinstance(chosen, int | float) or not 0 < chosen <= LONGEST_S:
        raise ValueError(f"must have a timeout_s above 0, up to {LONGEST_S:g}")
    return float(chosen)


def _meanwhile(table: Mapping[str, Any]) -> str:
    chosen = _text(table, "meanwhile") or "preamble"
    if chosen not in _MEANWHILE:
        raise ValueError(f"must have meanwhile as one of {', '.join(_MEANWHILE)}: nothing else can be said in between")
    return chosen


def _credential(variable: str, environ: Mapping[str, str]) -> str:
    """The value of an environment variable, which no sentence repeats."""
    if not _VARIABLE.fullmatch(variable):  # the secret itself, perhaps
        raise ValueError("must name environment variables where its credentials are, and not hold them itself")
    value = environ.get(variable, "").strip()
    if not value:
        raise ValueError(f"takes its credential from {variable}, which is not set")
    if len(value) < MASKED_CHARS or not _CREDENTIAL.fullmatch(value):
        raise ValueError(
            f"takes its credential from {variable}, which must have {MASKED_CHARS} visible characters or more, and no "
            "quotes or backslashes"
        )
    return value
