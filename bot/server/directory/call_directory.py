"""The directory of live calls: to find one, to count them, to be told as they begin and end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from bot.call.outputs import EndReason
from bot.observe.guarded import guarded
from bot.server.calls.live_call import LiveCall


class CallDirectory:
    """The calls of this process, by SID: there is one of a SID at any time."""

    def __init__(self) -> None:
        self.ended = 0
        """Calls that are over, or go on elsewhere."""
        self.on_start: list[Callable[[LiveCall], None]] = []
        """Called with each call as it begins."""
        self.on_end: list[Callable[[LiveCall, EndReason | None], None]] = []
        """Called with each call whose sockets are closed, and its end: None when it goes on elsewhere."""
        self.on_played_again: list[Callable[[LiveCall], None]] = []
        """Called with each call that began here although it was over."""
        self._calls: dict[str, LiveCall] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[LiveCall]:
        return iter(tuple(self._calls.values()))

    def find(self, call_sid: str) -> LiveCall | None:
        return self._calls.get(call_sid)

    def add(self, live: LiveCall) -> None:
        self._calls[live.call_sid] = live

    def remove(self, live: LiveCall) -> bool:
        """The call is over here. True if it was still the one of its SID."""
        self.ended += 1
        current = self.find(live.call_sid) is live
        if current:
            del self._calls[live.call_sid]
        return current

    def tell(self, hooks: Iterable[Callable[..., None]], live: LiveCall, *arguments: object) -> None:
        """Call each of `hooks`, whatever becomes of the others."""
        for hook in hooks:
            with guarded(call_sid=live.call_sid):
                hook(live, *arguments)
