"""The table of a call's rules: all that becomes due when nothing comes, in the order in which they act."""

from __future__ import annotations

from bot.call.rule import Rule
from bot.call.rules.session_liveness import SessionLiveness
from bot.call.wiring import Parts


def rules(parts: Parts, liveness: SessionLiveness) -> tuple[Rule, ...]:
    """Those of one call; what else has a time of its own, the opening and the next session, is among them."""
    servers = parts.settings.session.servers
    return (
        parts.opening,
        *([parts.who_answered] if parts.settings.outgoing else []),
        parts.key_pause,
        parts.send_digits,
        parts.secret_entry,
        parts.operator,
        parts.spending,
        parts.max_duration,
        parts.idle,
        *([parts.no_progress] if parts.settings.no_progress_s else []),
        parts.failover,
        parts.state_deadlines,
        liveness,
        parts.response_timeout,
        parts.filler,
        *([parts.transfer] if parts.settings.destinations else []),
        *([parts.tool_lists] if servers else []),
        *([parts.tool_timeouts, parts.meanwhile] if parts.settings.tools or servers else []),
    )
