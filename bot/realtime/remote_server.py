"""A remote MCP server as a session is told of it: the model's side asks it for its tools and calls them (2.5).

Its credentials are no part of it: it has the names of environment variables in their places, so that no fixture, log or
replay holds one. `with_credentials` puts them in as the message leaves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

Approval = Literal["never", "always", "key"]
UPDATE = b'{"type":"session.update"'
"""The beginning of the only message that names servers."""


class RemoteServer(msgspec.Struct, frozen=True):
    """`authorization` and the values of `headers` are names of environment variables. `tools` empty: all it has.

    `approval` is the rule for tools that `approvals` does not name: `never` asked for; `always` asked for, and given by
    us unless the caller has spoken since; or `key`, given by the caller. `timeout_s` and `meanwhile` are as in
    `bot.call.settings.ToolRules`.
    """

    label: str
    url: str
    about: str = ""
    authorization: str = ""
    headers: dict[str, str] = {}
    tools: tuple[str, ...] = ()
    approval: Approval = "key"
    approvals: dict[str, Approval] = {}
    timeout_s: float = 20.0
    meanwhile: str = "preamble"

    def approval_of(self, tool: str) -> Approval:
        """The rule for one tool."""
        return self.approvals.get(tool, self.approval)

    def shown(self) -> dict[str, Any]:
        """The tool as `session.tools` has it (openai-realtime 2.5)."""
        tool: dict[str, Any] = {"type": "mcp", "server_label": self.label, "server_url": self.url}
        if self.about:
            tool["server_description"] = self.about
        if self.authorization:
            tool["authorization"] = _place(self.authorization)
        if self.headers:
            tool["headers"] = {name: _place(variable) for name, variable in self.headers.items()}
        if self.tools:
            tool["allowed_tools"] = list(self.tools)
        tool["require_approval"] = self._require_approval()
        return tool

    def _require_approval(self) -> str | dict[str, Any]:
        """A tool that is asked about all the same is answered by its rule."""
        rules = dict.fromkeys(self.tools, self.approval) | self.approvals
        others = [] if self.tools else [self.approval]
        if all(rule == "never" for rule in (*rules.values(), *others)):
            return "never"
        if all(rule != "never" for rule in (*rules.values(), *others)):
            return "always"
        unasked = [tool for tool, rule in rules.items() if rule == "never"]
        lists = {"always": [tool for tool in rules if tool not in unasked], "never": unasked}
        return {kind: {"tool_names": tools} for kind, tools in lists.items() if tools}


def _place(variable: str) -> str:
    return f"${{{variable}}}"


def with_credentials(text: bytes, credentials: Mapping[str, str]) -> bytes:
    """A message of ours, with the credentials of the servers it names where it has their variables."""
    if not credentials or not text.startswith(UPDATE):
        return text
    message = msgspec.json.decode(text)
    places = {_place(variable): value for variable, value in credentials.items()}
    for tool in message["session"].get("tools", ()):
        if tool["type"] == "mcp":
            if "authorization" in tool:
                tool["authorization"] = places.get(tool["authorization"], "")
            for name, value in tool.get("headers", {}).items():
                tool["headers"][name] = places.get(value, "")
    return msgspec.json.encode(message)


def mcp_approval_response(item_id: str, request_id: str, *, approve: bool, reason: str = "") -> dict[str, Any]:
    """The answer to a server that asks for approval (openai-realtime 3.3)."""
    item = {"id": item_id, "type": "mcp_approval_response", "approval_request_id": request_id, "approve": approve}
    return item | ({"reason": reason} if reason else {})
