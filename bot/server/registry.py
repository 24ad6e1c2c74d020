"""What must be known about a call beyond its own task, by every worker: its token, its stream, how it ended.

One small interface: in memory for one process, here; in a file for the workers of one machine, in
bot.server.shared_registry.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from bot.call.outputs import EndReason
from bot.server.quota import NO_QUOTA, MemoryRings, OverQuota, Quota

DAY_S = 24 * 3600
MAX_CALLS_KNOWN = 1_000_000

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

    def end(self, call_sid: str, reason: EndReason, *, asks: bool = False, own: bool = False) -> None:
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

    def outcome(self, call_sid: str) -> EndReason | None:
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
    __slots__ = ("asked", "asks", "claimed", "nonce", "reason", "since_s")

    def __init__(self, since_s: float) -> None:
        self.nonce: bytes | None = None
        self.claimed = False
        self.asks = False
        self.asked = False
        self.reason: EndReason | None = None
        self.since_s = since_s


class MemoryRegistry:
    """A CallRegistry for one process. `clock` gives seconds of the epoch."""

    shared = False

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._calls: dict[str, _Known] = {}
        self._live = 0
        self.rings = MemoryRings(self._lives)

    def enter(self, call_sid: str, limit: int, quota: Quota = NO_QUOTA) -> Entry:
        self._forget()
        known = self._calls.get(call_sid)
        if known is not None:
            return entry_of(known.reason, claimed=known.claimed)
        if self._live >= limit:
            return "full"
        over = self.rings.refusal(quota, self._clock())
        if over is not None:
            return over
        self._add(call_sid)
        self.rings.add(quota, call_sid, self._clock())
        return "new"

    def _lives(self, call_sid: str) -> bool:
        known = self._calls.get(call_sid)
        return known is not None and known.reason is None

    def issue(self, call_sid: str, nonce: bytes) -> None:
        self._calls[call_sid].nonce = nonce

    def claim(self, call_sid: str, nonce: bytes) -> bool:
        known = self._calls.get(call_sid) or self._add(call_sid)
        if known.claimed or known.reason is not None or known.nonce not in {None, nonce}:
            return False
        known.claimed = True
        return True

    def claimed(self, call_sid: str) -> bool:
        known = self._calls.get(call_sid)
        return known is not None and known.claimed

    def owner(self, call_sid: str) -> int | None:  # noqa: ARG002  there is but one process
        return None

    def end(
        self,
        call_sid: str,
        reason: EndReason,
        *,
        asks: bool = False,
        own: bool = False,  # noqa: ARG002  there is but one process
    ) -> None:
        known = self._calls.pop(call_sid, None)
        ended = self._calls[call_sid] = _Known(self._clock())
        ended.reason, ended.asks = reason, asks
        if known is not None:
            ended.claimed, ended.asked = known.claimed, known.asked
            self._live -= known.reason is None

    def forget(self, call_sid: str) -> None:
        known = self._calls.pop(call_sid, None)
        self._live -= known is not None and known.reason is None

    def reopen(self, call_sid: str) -> None:
        self.forget(call_sid)
        self._add(call_sid)

    def asked(self, call_sid: str) -> None:
        known = self._calls.get(call_sid)
        if known is not None:
            known.asked = True

    def unasked(self, within_s: float) -> int:
        count, after_s = 0, self._clock() - within_s
        for known in reversed(self._calls.values()):  # the latest to end stand last
            if known.reason is not None and known.since_s <= after_s:
                break
            count += known.reason is not None and known.asks and not known.asked
        return count

    def outcome(self, call_sid: str) -> EndReason | None:
        known = self._calls.get(call_sid)
        return known.reason if known is not None else None

    def live(self) -> int:
        return self._live

    def announce(self, *, accepting: bool) -> None:
        """Nobody else listens."""

    def others_accept(self) -> bool:
        return False

    def close(self) -> None:
        """Nothing is open."""

    def _add(self, call_sid: str) -> _Known:
        known = self._calls[call_sid] = _Known(self._clock())
        self._live += 1
        return known

    def _forget(self) -> None:
        """Ended calls are moved to the end as they end, so the oldest of them are at the head."""
        before = self._clock() - DAY_S
        while self._calls:
            sid, known = next(iter(self._calls.items()))
            if known.since_s >= before and len(self._calls) <= MAX_CALLS_KNOWN:
                return
            del self._calls[sid]
            self._live -= known.reason is None


def entry_of(reason: str | None, *, claimed: bool) -> Entry:
    """What a webhook finds of a call that is known."""
    if reason is not None:
        return "over"
    return "streaming" if claimed else "waiting"
