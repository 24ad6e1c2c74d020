"""What must be known about a call beyond its own task, by every worker: its token, its stream, how it ended.

One small interface: in memory for one process, here; in a file for the workers of one machine, in
bot.server.shared_registry.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from bot.server.over import DAY_S, CallsOver, Outcome
from bot.server.quota import NO_QUOTA, MemoryRings, OverQuota, Quota

RECENT_S = 60.0
"""How long after its end more is asked of a call than how it ended."""

Entry = Literal["new", "waiting", "streaming", "over", "full"] | OverQuota
"""What a webhook for a call finds: not known before, dialled and waiting for its stream, streaming, over, no room, or
none for this caller."""


class CallRegistry(Protocol):
    """Every method is one atomic step."""

    def enter(self, call_sid: str, limit: int, quota: Quota = NO_QUOTA) -> Entry:
        """A webhook names this call. `new`: it counts from now on, unless `limit` calls do already (`full`).

        Nor does it where its caller's `quota` is used up.
        """

    def issue(self, call_sid: str, nonce: bytes) -> None:
        """`nonce` is that of the call's newest token; older ones are void."""

    def claim(self, call_sid: str, nonce: bytes) -> bool:
        """A stream shows this token. True once, and only for the newest token of a call that is not over."""

    def claimed(self, call_sid: str) -> bool:
        """Whether a stream has come, in whichever process."""

    def owner(self, call_sid: str) -> int | None:
        """The process that holds the session of a call that waits for its stream, None when there is none."""

    def end(self, call_sid: str, outcome: Outcome, *, asks: bool = False, own: bool = False) -> None:
        """The call is over; remembered for a day. `asks`: Twilio will ask what follows.

        `own`: unless another process carries it on meanwhile.
        """

    def forget(self, call_sid: str) -> None:
        """The call goes on in another instance."""

    def reopen(self, call_sid: str) -> None:
        """The call goes on with another stream, which the calling process waits for, as if new, limit or not."""

    def asked(self, call_sid: str) -> None:
        """Twilio has asked what follows the stream of this call."""

    def unasked(self, within_s: float) -> int:
        """For how many calls that ended in the last `within_s` Twilio has yet to ask."""

    def outcome(self, call_sid: str) -> Outcome | None:
        """How the call ended, None when it has not or is unknown."""

    def live(self) -> int:
        """How many calls are not over."""

    @property
    def shared(self) -> bool:
        """Whether other processes take part, so that a stream may have come elsewhere."""

    def announce(self, *, accepting: bool) -> None:
        """The calling process is alive, and does or does not take new calls."""

    def others_accept(self) -> bool:
        """Whether another process on this port takes new calls."""

    def close(self) -> None:
        """Let go of files."""


class _Known:
    __slots__ = ("asked", "asks", "claimed", "ended_s", "nonce", "outcome")

    def __init__(self) -> None:
        self.nonce: bytes | None = None
        self.claimed = False
        self.asks = False
        self.asked = False
        self.outcome: Outcome | None = None
        self.ended_s = 0.0


class MemoryRegistry:
    """A CallRegistry for one process. `clock` gives seconds of the epoch."""

    shared = False

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._live: dict[str, _Known] = {}
        self._ended: dict[str, _Known] = {}
        """Those that ended a moment ago, the latest last."""
        self._over = CallsOver()
        self.rings = MemoryRings(self._live.__contains__, lambda call_sid: self._find(call_sid) is not None)

    def enter(self, call_sid: str, limit: int, quota: Quota = NO_QUOTA) -> Entry:
        self._tidy()
        known = self._live.get(call_sid)
        if known is not None or self.outcome(call_sid) is not None:
            return entry_of(self.outcome(call_sid), claimed=known is not None and known.claimed)
        if len(self._live) >= limit:
            return "full"
        over = self.rings.refusal(quota, self._clock())
        if over is not None:
            return over
        self._live[call_sid] = _Known()
        self.rings.add(quota, call_sid, self._clock())
        return "new"

    def issue(self, call_sid: str, nonce: bytes) -> None:
        self._live[call_sid].nonce = nonce

    def claim(self, call_sid: str, nonce: bytes) -> bool:
        if self.outcome(call_sid) is not None:
            return False
        known = self._live.setdefault(call_sid, _Known())
        if known.claimed or known.nonce not in {None, nonce}:
            return False
        known.claimed = True
        return True

    def claimed(self, call_sid: str) -> bool:
        known = self._find(call_sid)
        return known is not None and known.claimed

    def owner(self, call_sid: str) -> int | None:  # noqa: ARG002  there is but one process
        return None

    def end(
        self,
        call_sid: str,
        outcome: Outcome,
        *,
        asks: bool = False,
        own: bool = False,  # noqa: ARG002  there is but one process
    ) -> None:
        known = self._find(call_sid) or _Known()
        self.forget(call_sid)
        known.outcome, known.asks, known.ended_s = outcome, asks, self._clock()
        self._ended[call_sid] = known
        self._tidy()

    def forget(self, call_sid: str) -> None:
        self._live.pop(call_sid, None)
        self._ended.pop(call_sid, None)
        self._over.drop(call_sid)

    def reopen(self, call_sid: str) -> None:
        self.forget(call_sid)
        self._live[call_sid] = _Known()

    def asked(self, call_sid: str) -> None:
        known = self._find(call_sid)
        if known is not None:
            known.asked = True

    def unasked(self, within_s: float) -> int:
        count, after_s = 0, self._clock() - within_s
        for known in reversed(self._ended.values()):
            if known.ended_s <= after_s:
                break
            count += known.asks and not known.asked
        return count

    def outcome(self, call_sid: str) -> Outcome | None:
        known = self._find(call_sid)
        return self._over.outcome(call_sid) if known is None else known.outcome

    def live(self) -> int:
        return len(self._live)

    def announce(self, *, accepting: bool) -> None:
        """Nobody else listens."""

    def others_accept(self) -> bool:
        return False

    def close(self) -> None:
        """Nothing is open."""

    def _find(self, call_sid: str) -> _Known | None:
        return self._live.get(call_sid) or self._ended.get(call_sid)

    def _tidy(self) -> None:
        """Of a call that ended a while ago only how is remembered, and that for a day."""
        now_s = self._clock()
        while self._ended:
            call_sid, known = next(iter(self._ended.items()))
            if known.ended_s > now_s - RECENT_S:
                return
            del self._ended[call_sid]
            if known.outcome is not None and known.ended_s >= now_s - DAY_S:
                self._over.add(call_sid, known.outcome, known.ended_s)


def entry_of(reason: str | None, *, claimed: bool) -> Entry:
    """What a webhook finds of a call that is known."""
    if reason is not None:
        return "over"
    return "streaming" if claimed else "waiting"
