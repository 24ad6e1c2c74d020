"""State that the parts of a simulated session share."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from bot.realtime.session import Dialect
from bot.testing.agent import McpCall
from bot.testing.model.protocol import session_object, xai
from bot.testing.model.protocol.default_conversation import Conversation
from bot.testing.model.protocol.refusal import Refused
from bot.testing.model.protocol.server_events import Wire
from bot.testing.model.state.agenda import Agenda
from bot.testing.model.state.behaviour import ABNORMAL, Behaviour

Json = dict[str, Any]
MS = 1000


@dataclass(slots=True)
class SessionState:
    """`session` is the effective session object in OpenAI's shape, `asked` what the client's updates came to in their
    own; `configured` set when the first session.updated has left, `hung` when it does nothing any more.

    `errors` are all error objects sent; `violations` those that are the client's fault, in words. `closed` is close
    code and reason once the server has closed.
    """

    behaviour: Behaviour
    name: str
    session: Json
    wire: Wire
    dialect: Dialect = "openai"
    asked: Json = field(default_factory=dict)
    agenda: Agenda = field(default_factory=Agenda)
    conversation: Conversation = field(default_factory=Conversation)
    violations: list[str] = field(default_factory=list)
    errors: list[Json] = field(default_factory=list)
    closed: tuple[int, str] | None = None
    configured: bool = False
    listed: set[str] = field(default_factory=set)
    """The labels of remote servers whose tools are listed, or are about to be."""
    approvals: dict[str, McpCall] = field(default_factory=dict)
    """Calls of remote tools that the client is asked to approve, by the id of the request."""
    approved: list[McpCall] = field(default_factory=list)
    """Those that it has approved, for the next response to make."""
    hung: bool = False
    _ids: Counter[str] = field(default_factory=Counter)

    def new_id(self, kind: str) -> str:
        self._ids[kind] += 1
        return f"{kind}_{self.name}{self._ids[kind]:04d}"

    def emit(self, kind: str, /, **known: Any) -> None:
        """Send one server event now, in this dialect's shape, where it has one."""
        row = self.wire.events[kind]
        if row is not None:
            self.agenda.emit(kind, row.filled(known))

    def error(self, code: str | None, message: str, param: str | None = None, event_id: str | None = None) -> None:
        """Send one `error` event: not fatal by itself."""
        error = {
            "type": "invalid_request_error",
            "code": code,
            "message": message,
            "param": param,
            "event_id": event_id,
        }
        self.errors.append(error)
        self.emit("error", error=error)

    def refuse(self, refused: Refused, kind: str, event_id: Any) -> None:
        """Answer a refused client event; a violation unless no client could have known better."""
        self.error(refused.code, refused.message, refused.param, event_id if isinstance(event_id, str) else None)
        if not refused.benign:
            self.violations.append(f"{kind}: {refused.code}: {refused.message}")

    def close(self, code: int, reason: str) -> None:
        """Close as the server: what is ready still leaves, nothing more is done."""
        if self.closed is None:
            self.closed = (code, reason)
            self.agenda.stop()

    def drop(self) -> None:
        """The client is gone: nothing leaves any more."""
        self.close(ABNORMAL, "")
        self.agenda.take()

    @property
    def shown(self) -> Json:
        """The session as this dialect's events carry it, a copy."""
        return xai.outward(self.session, self.asked) if self.dialect == "xai" else session_object.shown(self.session)

    @property
    def listening(self) -> Json:
        """session.audio.input"""
        return self.session["audio"]["input"]  # type: ignore[no-any-return]

    @property
    def turns(self) -> Json | None:
        """The turn_detection object; None: the client decides."""
        return self.listening["turn_detection"]  # type: ignore[no-any-return]
