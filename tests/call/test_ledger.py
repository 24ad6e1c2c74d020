"""The playout ledger against a phone whose truth is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bot.call.ledger import Entry, Ledger
from bot.twilio.playout import Playout
from tests.call.wire import MS, Echoes, Wire


class FaithfulPhone(RuleBasedStateMachine):
    """No delay, no secrets: the ledger equals the truth to the byte, at every moment, for every entry ever made."""

    def __init__(self) -> None:
        super().__init__()
        self.wire = Wire()
        self.items = 0
        self.final: dict[Entry, int] = {}
        """What a cut said of its entries: it never changes again."""

    @rule(n_bytes=st.integers(1, 20_000), pieces=st.integers(1, 4))
    def speak(self, n_bytes: int, pieces: int) -> None:
        self.wire.speak(f"I{self.items}", n_bytes / 8, pieces_ms=max(n_bytes // pieces, 1) / 8)

    @rule()
    def next_item(self) -> None:
        self.wire.finish(f"I{self.items}")
        self.items += 1

    @rule(us=st.one_of(st.integers(0, 300_000), st.sampled_from([125, 20_000, 3_000_000])))
    def wait(self, us: int) -> None:
        self.wire.until_us(self.wire.now_us + us)

    @precondition(lambda self: self.wire.ledger.interruptible(self.wire.now_us))
    @rule()
    def cut(self) -> None:
        entries = self.wire.cut()
        truth = self.wire.truth[-1]
        for entry in entries:
            assert entry.heard == truth[self.wire.entries.index(entry)]
            self.final[entry] = entry.heard
        self.items += 1

    @invariant()
    def heard_is_the_truth(self) -> None:
        self.wire.ledger.heard(self.wire.now_us)
        assert [entry.heard for entry in self.wire.entries] == self.wire.true_bytes()
        assert all(entry.heard == heard for entry, heard in self.final.items())

    @invariant()
    def interruptible_means_unplayed_bytes(self) -> None:
        unplayed = sum(entry.sent for entry in self.wire.entries if entry not in self.final) - sum(
            entry.heard for entry in self.wire.entries if entry not in self.final
        )
        if unplayed:
            assert self.wire.ledger.interruptible(self.wire.now_us)


TestFaithfulPhone = FaithfulPhone.TestCase
TestFaithfulPhone.settings = hypothesis_settings(max_examples=60, stateful_step_count=30, deadline=None)


class AnyPhone(RuleBasedStateMachine):
    """Any delay, prebuffer, drift, stall, any echoes and inventions of echoes: bounds that hold all the same."""

    def __init__(self) -> None:
        super().__init__()
        self.wire = Wire()
        self.items = 0
        self.before: dict[Entry, int] = {}
        self.dead: set[str] = set()

    @precondition(lambda self: not self.wire.entries)
    @rule(
        delay_ms=st.integers(0, 200),
        prebuffer_ms=st.integers(0, 300),
        drift_ppm=st.integers(-2_000, 2_000),
        stalls=st.lists(st.tuples(st.integers(0, 20_000_000), st.integers(0, 2_000_000)), max_size=3),
        echoes=st.sampled_from(["faithful", "never", "at_once"]),
    )
    def a_phone(
        self, delay_ms: int, prebuffer_ms: int, drift_ppm: int, stalls: list[tuple[int, int]], echoes: Echoes
    ) -> None:
        playout = Playout(prebuffer_us=prebuffer_ms * MS, drift_ppm=drift_ppm, stalls=stalls, keep_audio=False)
        self.wire = Wire(delay_ms, playout, echoes)

    @rule(n_bytes=st.integers(1, 40_000), pieces=st.integers(1, 6))
    def speak(self, n_bytes: int, pieces: int) -> None:
        self.wire.speak(f"I{self.items}", n_bytes / 8, pieces_ms=max(n_bytes // pieces, 1) / 8)

    @rule()
    def next_item(self) -> None:
        self.wire.finish(f"I{self.items}")
        self.items += 1

    @rule(us=st.integers(0, 3_000_000))
    def wait(self, us: int) -> None:
        self.wire.until_us(self.wire.now_us + us)

    @rule(epoch=st.integers(0, 3), number=st.integers(0, 9))
    def an_invented_echo(self, epoch: int, number: int) -> None:
        self.wire.ledger.echo(f"e{epoch}.{number}", self.wire.now_us)

    @rule()
    def cut(self) -> None:
        epoch = self.wire.ledger.epoch
        entries = self.wire.cut()
        assert self.wire.ledger.epoch == epoch + 1
        for entry in entries:
            assert entry.heard >= self.before.get(entry, 0)
            assert entry.heard <= entry.sent
        self.dead |= {name for _, name in self.wire.marks}
        self.before = {entry: entry.heard for entry in self.wire.entries}
        self.items += 1

    @precondition(lambda self: self.dead)
    @rule(data=st.data())
    def a_dead_echo_counts_for_nothing(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.dead)))
        ledger, now_us = self.wire.ledger, self.wire.now_us
        before = (ledger.end_us(), ledger.interruptible(now_us), [entry.heard for entry in ledger.heard(now_us)])
        assert not ledger.echo(name, now_us)
        assert before == (ledger.end_us(), ledger.interruptible(now_us), [one.heard for one in ledger.heard(now_us)])

    @invariant()
    def heard_grows_and_is_never_more_than_was_sent(self) -> None:
        self.wire.ledger.heard(self.wire.now_us)
        for entry in self.wire.entries:
            assert self.before.get(entry, 0) <= entry.heard <= entry.sent
        self.before = {entry: entry.heard for entry in self.wire.entries}

    @invariant()
    def an_end_is_in_sight(self) -> None:
        over_us = self.wire.ledger.over_us()
        assert (over_us is None) or self.wire.ledger.interruptible(over_us - 1)


TestAnyPhone = AnyPhone.TestCase
TestAnyPhone.settings = hypothesis_settings(max_examples=60, stateful_step_count=30, deadline=None)


# ---- what the sender cannot see: one example each, with exact numbers ----


def reply(wire: Wire, ms: int = 10_000) -> Wire:
    """A reply that is generated at once in deltas of 200 ms: marks stand at 0, 400, 600, 1600, 2600 ... ms."""
    wire.speak("A", ms, pieces_ms=200)
    wire.finish("A")
    return wire


def test_few_marks_before_an_item_early_twice_then_every_second_and_at_the_end() -> None:
    wire = Wire()
    bytes_at: list[tuple[str, int]] = []
    for _ in range(25):
        before = len(wire.marks)
        sent = wire.entries[0].sent if wire.entries else 0
        entry = wire.speak("A", 200)
        at = [sent, entry.sent] if before == 0 else [entry.sent]
        bytes_at += [(name, where) for (_, name), where in zip(wire.marks[before:], at, strict=False)]
    wire.finish("A")
    in_ms = [(name, n_bytes // 8) for name, n_bytes in bytes_at]
    assert in_ms == [
        ("e0.0", 0),
        ("e0.1", 400),
        ("e0.2", 600),
        ("e0.3", 1600),
        ("e0.4", 2600),
        ("e0.5", 3600),
        ("e0.6", 4600),
    ]
    assert wire.marks[-1][1] == "e0.7"
    wire.speak("B", 100)
    assert wire.marks[-1][1] == "e0.8"


@pytest.mark.parametrize("delay_ms", [0, 40, 80])
@pytest.mark.parametrize(("cut_ms", "heard_ms"), [(1, 1), (150, 150), (399, 399), (1_500, 1_500), (9_999, 9_999)])
def test_a_plain_line_needs_no_correction(delay_ms: int, cut_ms: int, heard_ms: int) -> None:
    wire = reply(Wire(delay_ms)).wait(cut_ms)
    assert wire.cut()[0].heard == heard_ms * 8
    wire.wait(delay_ms)
    assert wire.truth == [[heard_ms * 8]]


@pytest.mark.parametrize("delay_ms", [0, 40])
def test_a_prebuffer_is_known_after_two_late_echoes(delay_ms: int) -> None:
    """The marks at 400 and 600 ms come back 120 ms late; from the second on the ledger is right."""
    wire = reply(Wire(delay_ms, Playout(prebuffer_us=120 * MS)))
    back = 2 * delay_ms
    assert wire.wait(719 + back).heard_ms("A") == 719 + back
    wire.wait(1)
    assert wire.ledger.end_us() == 10_120 * MS
    assert wire.wait(1_280 - back).cut()[0].heard == 1_880 * 8
    wire.wait(delay_ms)
    assert wire.truth == [[1_880 * 8]]


def test_a_prebuffer_once_known_is_expected_of_the_next_start() -> None:
    wire = reply(Wire(40, Playout(prebuffer_us=120 * MS)), 2_000).wait(5_000)
    wire.speak("B", 2_000, pieces_ms=200)
    assert wire.wait(300).cut()[-1].heard == 180 * 8
    wire.wait(40)
    assert wire.truth[-1][1] == 180 * 8


def test_a_stall_is_believed_at_the_second_late_echo() -> None:
    """Stalled for 400 ms at 1 s: the marks at 1600 and 2600 ms come 400 ms late."""
    wire = reply(Wire(0, Playout(stalls=[(1_000 * MS, 400 * MS)])))
    assert wire.wait(2_500).heard_ms("A") == 2_500
    wire.wait(499)
    assert wire.ledger.end_us() == 10_000 * MS
    wire.wait(1)
    assert wire.ledger.end_us() == 10_400 * MS
    assert wire.wait(1_000).cut()[0].heard == 3_600 * 8
    assert wire.truth == [[3_600 * 8]]


def test_one_late_echo_alone_moves_nothing() -> None:
    ledger = Ledger()
    entry = ledger.entry("A", 0, "R1")
    names = [ledger.mark_before(0)]
    for _ in range(10):
        entry.received += 4_000
        ledger.sent(entry, 4_000, 0)
        name = ledger.mark_after(0)
        names += [name] if name else []
    ledger.echo(names[0], 0)
    for name, late_ms in zip(names[1:], (700, 0, 700, 0), strict=False):
        position = {names[1]: 500, names[2]: 1_000, names[3]: 2_000, names[4]: 3_000}[name]
        ledger.echo(name, (position + late_ms) * MS)
        assert ledger.end_us() == 5_000 * MS


@pytest.mark.parametrize(("drift_ppm", "end_ms"), [(200, 59_988.082), (-200, 60_011.722)])
def test_drift_is_followed_mark_by_mark(drift_ppm: int, end_ms: float) -> None:
    """A minute: a fast phone is 12 ms ahead. Its last echo (of 59.6 s) is taken at once, a slow one's a mark later."""
    wire = reply(Wire(0, Playout(drift_ppm=drift_ppm)), 60_000).wait(59_900)
    end_us = wire.ledger.end_us()
    assert end_us is not None
    assert end_us / MS == pytest.approx(end_ms, abs=0.01)
    told = wire.cut()[0].heard
    assert abs(told - wire.truth[0][0]) <= 4  # half a millisecond


@pytest.mark.parametrize("echoes", ["never", "at_once"])
@pytest.mark.parametrize("delay_ms", [0, 40])
def test_echoes_that_lie_leave_the_clock_right(echoes: Echoes, delay_ms: int) -> None:
    wire = reply(Wire(delay_ms, echoes=echoes)).wait(1_500)
    assert wire.ledger.early_echoes == (0 if echoes == "never" else len(wire.marks) - 1)
    assert wire.cut()[0].heard == 1_500 * 8
    wire.wait(delay_ms)
    assert wire.truth == [[1_500 * 8]]


def test_the_clock_stops_when_the_buffer_runs_dry() -> None:
    wire = Wire()
    wire.speak("A", 1_000)
    assert wire.wait(5_000).heard_ms("A") == 1_000
    wire.speak("A", 1_000)
    assert wire.wait(300).heard_ms("A") == 1_300
    assert wire.cut()[0].heard == wire.truth[0][0] == 1_300 * 8


def test_two_items_are_told_apart_in_one_stretch() -> None:
    wire = Wire()
    for item in ("A", "B"):
        wire.speak(item, 1_000)
        wire.finish(item)
    assert [entry.heard // 8 for entry in wire.wait(1_250).cut()] == [1_000, 250]


# ---- when it is over ----


def test_playing_is_over_when_the_last_mark_is_back() -> None:
    wire = reply(Wire(40), 1_000)
    assert wire.wait(1_079).ledger.interruptible(wire.now_us)
    assert not wire.wait(1).ledger.interruptible(wire.now_us)
    assert wire.ledger.over_us() is None
    assert wire.ledger.unconfirmed_ends == 0


def test_without_an_echo_playing_is_over_two_seconds_after_its_end_and_counted() -> None:
    wire = reply(Wire(echoes="never"), 1_000).wait(2_999)
    assert wire.ledger.over_us() == 3_000 * MS
    assert wire.ledger.interruptible(wire.now_us)
    assert not wire.wait(1).ledger.interruptible(wire.now_us)
    assert wire.ledger.unconfirmed_ends == 1


def test_nothing_sent_is_nothing_to_interrupt() -> None:
    ledger = Ledger()
    assert not ledger.interruptible(0)
    assert ledger.over_us() is None
    assert ledger.end_us() is None
    assert ledger.heard(10**9) == []
    assert ledger.cut(10**9) == []


# ---- echoes ----


def test_only_an_echo_of_this_epoch_is_ours() -> None:
    wire = reply(Wire(40)).wait(1_000)
    wire.cut()
    wire.wait(500)
    assert wire.late_echoes == [name for _, name in wire.marks if name not in {"e0.0", "e0.1", "e0.2"}]
    assert wire.ledger.dead_echoes == len(wire.late_echoes)
    assert not wire.ledger.echo("e0.3", wire.now_us)
    assert not wire.ledger.echo("e1.0", wire.now_us)
    assert not wire.ledger.echo("not ours", wire.now_us)


def test_a_mark_comes_back_once() -> None:
    wire = Wire(echoes="never")
    wire.speak("A", 1_000)
    assert wire.ledger.echo("e0.0", 10 * MS)
    assert not wire.ledger.echo("e0.0", 11 * MS)
    assert wire.ledger.round_trip_us == 10 * MS


def test_the_round_trip_is_the_least_seen() -> None:
    wire = Wire(echoes="never")
    for at_ms, trip_ms in ((0, 90), (10_000, 70), (20_000, 95)):
        wire.until_us(at_ms * MS)
        wire.speak(f"at {at_ms}", 100)
        assert wire.ledger.echo(wire.marks[-1][1], (at_ms + trip_ms) * MS)
    assert wire.ledger.round_trip_us == 70 * MS


@given(st.integers(0, 150), st.integers(700, 9_000))
@hypothesis_settings(max_examples=50)
def test_a_clear_measures_the_round_trip_where_no_mark_did(delay_ms: int, cut_ms: int) -> None:
    """The echo of a mark far ahead of the play head can only have been caused by the clear."""
    wire = reply(Wire(delay_ms))
    wire.ledger.round_trip_us = 2 * delay_ms * MS + 40_000  # as if the first mark had met a slow moment
    wire._homeward.clear()
    wire.wait(max(cut_ms, 4 * delay_ms + 100)).cut()
    wire.wait(400)
    assert wire.ledger.round_trip_us == 2 * delay_ms * MS


def test_memory_stays_small_over_many_cuts_whose_echoes_never_come() -> None:
    wire = Wire(echoes="never")
    for number in range(200):
        wire.speak(f"I{number}", 2_000, pieces_ms=200)
        wire.wait(100).cut()
    assert len(wire.ledger._dead) <= 256
    assert wire.ledger._entries == []


def test_a_first_echo_held_up_by_a_stall_does_not_put_off_the_end_of_speaking() -> None:
    ledger = Ledger()
    entry = ledger.entry("A", 0, "R")
    first = ledger.mark_before(0)
    ledger.sent(entry, 8_000, 0)
    entry.received, entry.done = 8_000, True
    last = ledger.mark_after(0, at_end=True)
    assert last is not None
    ledger.echo(first, 300_000)  # the true round trip is 10 ms: the server stood still for 290 ms
    ledger.echo(last, 1_010_000)
    assert ledger.round_trip_us == 10_000
    assert not ledger.interruptible(1_010_000)


# ---- when an entry was heard ----


def test_an_entry_knows_when_it_began_and_ended() -> None:
    wire = Wire(delay_ms=40)
    first, second = wire.wait(1_000).speak("A", 500), wire.speak("B", 250)
    wire.finish("A")
    assert (first.began_us, first.ended_us) == (1_000 * MS, 1_500 * MS)
    assert (second.began_us, second.ended_us) == (1_500 * MS, 1_750 * MS)
    assert Entry("C", 0, "R").began_us is None
    assert Entry("C", 0, "R").ended_us is None


def test_it_has_begun_once_an_echo_from_behind_its_first_byte_has_come() -> None:
    wire = Wire(delay_ms=40)
    entry = wire.speak("A", 2_000, pieces_ms=250)
    wire.wait(329)
    assert not entry.begun
    wire.wait(2)
    assert entry.begun


def test_behind_a_prebuffer_the_first_echo_tells_when_it_began() -> None:
    wire = Wire(delay_ms=40, playout=Playout(prebuffer_us=120 * MS))
    entry = wire.speak("A", 2_000, pieces_ms=250)
    wire.wait(460)
    assert entry.began_us == 120 * MS


def test_a_stall_of_the_phone_later_on_does_not_move_when_it_began() -> None:
    wire = Wire(delay_ms=40, playout=Playout(stalls=[(1_000 * MS, 400 * MS)]))
    entry = wire.speak("A", 6_000, pieces_ms=250)
    wire.wait(5_000)
    assert entry.began_us == 0
    assert entry.ended_us == 6_400 * MS


def test_it_is_over_when_all_of_it_has_come_and_its_last_byte_was_played() -> None:
    wire = Wire()
    entry = wire.speak("A", 500)
    assert not entry.over_by(10_000 * MS)
    wire.finish("A")
    assert not entry.over_by(500 * MS - 1)
    assert entry.over_by(500 * MS)
    assert entry.heard == 0, "looking claims nothing"
