"""Lists of remote tools: a session is asked for nothing, also no greeting, before it knows its tools, within a bound.

A response that is begun sooner can't use them (openai-realtime 3.3). A server that fails or is slow is told of to the
log and to the model, which goes on without its tools, and uses them once they are there.
"""

from __future__ import annotations

from bot.call.rule import NEVER_US, Rule
from bot.call.session.session_state import CurrentSession
from bot.call.step import Step, part
from bot.realtime.events import Item, ToolsListed, ToolsNotListed

LIST_US = 3_000_000
"""From the session's being ready: so long it is waited for. A list takes two or three round trips of a server."""
AWAY = (
    "The tools of {server} can't be used now. If the caller wants something that needs them, say that it does not work "
    "at the moment. This holds until this note is gone."
)


@part
class McpToolLists(Rule):
    """Told what the session says of its lists; a session's own are in `Session.unlisted`."""

    _step: Step
    _session: CurrentSession

    def item_added(self, item: Item) -> None:
        """The item of a list says whose it is; all further events name it alone."""
        session = self._session.now
        if item.server_label in session.unlisted | session.away.keys():
            session.lists[item.server_label or ""] = item.id

    def listed(self, event: ToolsListed) -> None:
        session, label = self._session.now, self._server_of(event.item_id)
        if label is None:
            return
        session.unlisted.discard(label)
        away = session.away.pop(label, None)
        if away is not None:
            self._step.delete_item(away)
        self._step.report("mcp_tools_listed", server=label, after_ms=self._after_ms)

    def failed(self, event: ToolsNotListed) -> None:
        label = self._server_of(event.item_id)
        if label is not None:
            self._go_on_without(label, "failed")

    def _server_of(self, item_id: str) -> str | None:
        lists = self._session.now.lists
        return next((label for label, one in lists.items() if one == item_id), None)

    def _go_on_without(self, label: str, why: str) -> None:
        session = self._session.now
        session.unlisted.discard(label)
        if label not in session.away:
            session.away[label] = away = f"away_{len(session.away) + 1}"
            self._step.tell(away, AWAY.format(server=label))
            self._step.warn("mcp_tools_away", server=label, why=why, after_ms=self._after_ms)

    @property
    def _after_ms(self) -> int:
        return (self._step.now_us - self._session.now.ready_us) // 1_000

    def look(self) -> None:
        session = self._session.now
        waits = session.appended.ready and session.unlisted
        self.due_us = session.ready_us + LIST_US if waits else NEVER_US

    def due(self) -> None:
        """Wait no longer."""
        for label in sorted(self._session.now.unlisted):
            self._go_on_without(label, "late")
        self.look()
