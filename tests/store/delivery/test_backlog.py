from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from bot.store.delivery.backlog import Backlog
from bot.store.rows import CallEnded, CallStarted, EventKept, OwnerSeen, Row
from tests.store.row_samples import NOW, ONE, THREE, TWO, ended, event, kept, said, started, used

ALIVE = OwnerSeen("web-1", "web", NOW)


def filled(*rows: Row, most: int = 100, most_of_a_call: int = 100) -> Backlog:
    backlog = Backlog(most, most_of_a_call)
    for row in rows:
        backlog.put(row)
    return backlog


def test_rows_leave_in_the_order_they_came_whatever_they_are() -> None:
    rows = [event(1), started(), said("a"), event(2), ended(), used(5), ALIVE, event(3), kept("/f")]
    backlog = filled(*rows)
    assert [*backlog.take(4), *backlog.take(4), *backlog.take(4)] == rows
    assert (len(backlog), backlog.take(4), backlog.dropped) == (0, [], 0)


def test_events_go_first_then_the_oldest_of_what_was_said_and_last_the_ends() -> None:
    backlog = filled(started(), said("a", 1), event(1), event(2), said("b", 2), most=5)
    for row, left in (
        (ended(), [started(), said("a", 1), event(2), said("b", 2), ended()]),
        (used(1), [started(), said("a", 1), said("b", 2), ended(), used(1)]),
        (event(9), [started(), said("a", 1), said("b", 2), ended(), used(1)]),
        (kept("/f"), [started(), said("b", 2), ended(), used(1), kept("/f")]),
    ):
        backlog.put(row)
        assert list(peek(backlog)) == left
    assert (backlog.dropped, backlog.lost(ONE)) == (4, 4)


def peek(backlog: Backlog) -> list[Row]:
    """Rows that wait, without taking them."""
    return [row for _, row in sorted(entry for queue in backlog._all for entry in queue.items())]


def test_a_call_that_tells_too_much_loses_its_own_and_no_other_s() -> None:
    backlog = filled(event(1, sid=TWO), said("other", sid=TWO), most_of_a_call=3)
    for number in range(10):
        backlog.put(said("much", number))
    assert (backlog.lost(ONE), backlog.lost(TWO)) == (7, 0)
    assert peek(backlog) == [event(1, sid=TWO), said("other", sid=TWO), *(said("much", n) for n in (7, 8, 9))]


def test_signs_of_life_belong_to_no_call() -> None:
    backlog = filled(*[ALIVE] * 5, most_of_a_call=2)
    assert (len(backlog), backlog.dropped) == (5, 0)


def test_what_was_told_of_a_call_is_forgotten() -> None:
    backlog = filled(event(1), event(2), most_of_a_call=1)
    assert backlog.lost(ONE) == 1
    backlog.forget(ONE)
    assert (backlog.lost(ONE), backlog.dropped) == (0, 1)


def test_the_numbers_tell_what_is_settled() -> None:
    backlog = Backlog()
    assert (backlog.youngest, backlog.oldest) == (-1, 0)
    backlog.put(event(1))
    backlog.put(said("a"))
    assert (backlog.youngest, backlog.oldest) == (1, 0)
    backlog.take(1)
    assert backlog.oldest == 1
    backlog.take(1)
    assert (backlog.youngest, backlog.oldest) == (1, 2)


ROWS = st.sampled_from([ONE, TWO, THREE]).flatmap(
    lambda sid: st.sampled_from([started(sid), ended(sid), said("a", sid=sid), used(1, sid=sid), event(sid=sid)])
)


@given(st.lists(st.one_of(ROWS, st.integers(1, 4))), st.integers(1, 8), st.integers(1, 4))
def test_it_stays_within_its_bounds_and_every_row_is_accounted_for(
    steps: list[Row | int], most: int, most_of_a_call: int
) -> None:
    """A number in `steps` takes that many rows."""
    backlog = Backlog(most, most_of_a_call)
    put: Counter[str] = Counter()
    out: Counter[str] = Counter()
    for step in steps:
        if isinstance(step, int):
            out.update(row.call_sid for row in backlog.take(step) if not isinstance(row, OwnerSeen))
        else:
            backlog.put(step)
            put[step.call_sid] += 1  # type: ignore[union-attr]
        waiting = Counter(row.call_sid for row in peek(backlog) if not isinstance(row, OwnerSeen))
        assert len(backlog) <= most
        assert all(count <= most_of_a_call for count in waiting.values())
        assert put == Counter({sid: out[sid] + waiting[sid] + backlog.lost(sid) for sid in put})
        assert backlog.dropped == sum(backlog.lost(sid) for sid in put)


@given(st.lists(ROWS), st.integers(1, 8))
def test_no_end_is_dropped_while_an_event_waits(rows: list[Row], most: int) -> None:
    backlog = Backlog(most)
    for row in rows:
        before = peek(backlog)
        backlog.put(row)
        gone = [one for one in (*before, row) if not any(one is left for left in peek(backlog))]
        if any(isinstance(one, CallStarted | CallEnded) for one in gone):
            assert not any(isinstance(one, EventKept) for one in before)
