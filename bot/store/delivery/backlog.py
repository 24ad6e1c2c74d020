"""Rows that wait for the store: bounded, and when there are too many the least useful go. One thread's, no clock."""

from __future__ import annotations

from collections import Counter, OrderedDict

from bot.store.rows import CallAnswered, CallEnded, CallStarted, CallTransferred, EventKept, OwnerSeen, Row

MAX_ROWS = 100_000
"""Some minutes of a few hundred calls without a store, at about 1 KB each."""
MAX_ROWS_OF_A_CALL = 5_000
"""Most rows that wait of one call: one with much to tell can't push out the rows of others."""

_EVENT, _TOLD, _FRAME = range(3)
_RANKS = (_EVENT, _TOLD, _FRAME)
"""Order of dropping: events; then turns, usages and files; last of all that the call began, and why it ended."""

_Queue = OrderedDict[int, Row]
_Share = tuple[_Queue, _Queue, _Queue]


class Backlog:
    """Rows in the order they came. `dropped` counts those that were thrown away or refused, over all calls."""

    def __init__(self, max_rows: int = MAX_ROWS, max_rows_of_a_call: int = MAX_ROWS_OF_A_CALL) -> None:
        self._max_rows = max_rows
        self._max_rows_of_a_call = max_rows_of_a_call
        self.dropped = 0
        self._lost: Counter[str] = Counter()
        self._next = 0
        self._all = _share()
        self._by_call: dict[str, _Share] = {}

    def __len__(self) -> int:
        return sum(map(len, self._all))

    @property
    def youngest(self) -> int:
        """The number of the last row put; the first is 0, none -1."""
        return self._next - 1

    @property
    def oldest(self) -> int:
        """The number of the oldest row that waits, or of the next one to come."""
        return min((next(iter(queue)) for queue in self._all if queue), default=self._next)

    @property
    def rows(self) -> list[Row]:
        """All rows here, in no order."""
        return [row for queue in self._all for row in queue.values()]

    def lost(self, call_sid: str) -> int:
        """Number of this call's rows that were dropped or refused."""
        return self._lost[call_sid]

    def forget(self, call_sid: str) -> None:
        """Forget a call of which nothing more comes: what it lost has been told."""
        self._lost.pop(call_sid, None)

    def put(self, row: Row) -> None:
        """Add a row, the youngest."""
        call_sid, rank, key = _call_of(row), _rank(row), self._next
        self._next += 1
        share = self._by_call.setdefault(call_sid, _share())
        self._all[rank][key] = share[rank][key] = row
        if call_sid and sum(map(len, share)) > self._max_rows_of_a_call:
            self._drop(share)
        elif len(self) > self._max_rows:
            self._drop(self._all)

    def take(self, limit: int) -> list[Row]:
        """The oldest rows, at most `limit` of them; they are the taker's now."""
        taken: list[Row] = []
        while len(taken) < limit:
            heads = [(next(iter(queue)), rank) for rank, queue in enumerate(self._all) if queue]
            if not heads:
                break
            key, rank = min(heads)
            taken.append(self._remove(rank, key))
        return taken

    def refused(self, row: Row) -> None:
        """A row that was taken will never be stored."""
        self.dropped += 1
        if call_sid := _call_of(row):
            self._lost[call_sid] += 1

    def _drop(self, share: _Share) -> None:
        rank = next(rank for rank in _RANKS if share[rank])
        self.refused(self._remove(rank, next(iter(share[rank]))))

    def _remove(self, rank: int, key: int) -> Row:
        row = self._all[rank].pop(key)
        call_sid = _call_of(row)
        share = self._by_call[call_sid]
        del share[rank][key]
        if not any(share):
            del self._by_call[call_sid]
        return row


def _share() -> _Share:
    return OrderedDict(), OrderedDict(), OrderedDict()


def _call_of(row: Row) -> str:
    return "" if isinstance(row, OwnerSeen) else row.call_sid


def _rank(row: Row) -> int:
    if isinstance(row, EventKept):
        return _EVENT
    return _FRAME if isinstance(row, CallStarted | CallEnded | CallTransferred | CallAnswered | OwnerSeen) else _TOLD
