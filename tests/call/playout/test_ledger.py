"""The playout ledger against a phone whose truth is known."""

from __future__ import annotations

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bot.call.playout.ledger import Entry, Ledger
from bot.twilio.playout import Playout
from tests.call.delayed_line import MS, Echoes, Wire


class FaithfulPhone(RuleBasedStateMachine):
    """No delay, no secrets: the ledger equals the truth to the byte, at every moment, for every entry ever made."""

    def __init__(self) -> None:
        super().__init__()
        self.wire = Wire()
        self.items = 0
        self.final: dict[Entry, int] = {}
        """The verdict of a cut on its entries: it never changes again."""

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
    """A reply that is generated at once in deltas of 200 ms: marks stand at 0, 200, 400 ... ms."""
    wire.speak("A", ms, pieces_ms=200)
    wire.finish("A")
    return wire


def test_marks_stand_before_an_item_after_every_200_ms_and_at_the_end() -> None:
    wire = Wire()
    at_ms: list[float] = []
    for _ in range(11):
        before = len(wire.marks)
        entry = wire.speak("A", 70)
        at_ms += [entry.sent / 8] * (len(wire.marks) - before - (not at_ms)) if at_ms else [0]
    wire.finish("A")
    assert at_ms == [0, 210, 420, 630]
    assert [name for _, name in wire.marks] == [f"e0.{n}" for n in range(5)]
    assert wire.entries[0].sent == 770 * 8
    wire.speak("B", 100)
    assert wire.marks[-1][1] == "e0.5"


@pytest.mark.parametrize("delay_ms", [0, 40, 80])
@pytest.mark.parametrize(("cut_ms", "heard_ms"), [(1, 1), (150, 150), (399, 399), (1_500, 1_500), (9_999, 9_999)])
def test_a_plain_line_needs_no_correction(delay_ms: int, cut_ms: int, heard_ms: int) -> None:
    wire = reply(Wire(delay_ms)).wait(cut_ms)
    assert wire.cut()[0].heard == heard_ms * 8
    wire.wait(delay_ms)
    assert wire.truth == [[heard_ms * 8]]


@pytest.mark.parametrize("delay_ms", [0, 40])
def test_a_prebuffer_is_known_after_two_late_echoes(delay_ms: int) -> None:
    """The marks at 200 and 400 ms come back 120 ms late; from the second on the ledger is right."""
    wire = reply(Wire(delay_ms, Playout(prebuffer_us=120 * MS)))
    back = 2 * delay_ms
    wire.wait(519 + back)
    assert wire.ledger.end_us() == 10_000 * MS
    wire.wait(1)
    assert wire.ledger.end_us() == 10_120 * MS
    assert wire.wait(1_480 - back).cut()[0].heard == 1_880 * 8
    wire.wait(delay_ms)
    assert wire.truth == [[1_880 * 8]]


def test_a_prebuffer_once_known_is_expected_of_the_next_start() -> None:
    wire = reply(Wire(40, Playout(prebuffer_us=120 * MS)), 2_000).wait(5_000)
    wire.speak("B", 2_000, pieces_ms=200)
    assert wire.wait(300).cut()[-1].heard == 180 * 8
    wire.wait(40)
    assert wire.truth[-1][1] == 180 * 8


def test_a_stall_is_believed_at_the_second_late_echo() -> None:
    """Stalled for 400 ms at 1.1 s: the marks at 1200 and 1400 ms come 400 ms late."""
    wire = reply(Wire(0, Playout(stalls=[(1_100 * MS, 400 * MS)])))
    wire.wait(1_799)
    assert wire.ledger.end_us() == 10_000 * MS
    wire.wait(1)
    assert wire.ledger.end_us() == 10_400 * MS
    assert wire.wait(2_200).cut()[0].heard == 3_600 * 8
    assert wire.truth == [[3_600 * 8]]


def test_one_late_echo_is_believed_when_the_next_is_overdue() -> None:
    wire = reply(Wire(0, Playout(stalls=[(1_100 * MS, 400 * MS)])))
    assert wire.wait(1_650).cut()[0].heard == 1_250 * 8
    assert wire.truth == [[1_250 * 8]]


def test_while_two_echoes_are_overdue_playing_stands_where_the_first_should_be() -> None:
    """Stalled for 5 s at 1.1 s, in a reply of 10 s: the mark at 1200 ms is not back."""
    wire = reply(Wire(0, Playout(stalls=[(1_100 * MS, 5_000 * MS)])))
    assert wire.wait(5_000).cut()[0].heard == 1_200 * 8
    assert wire.truth == [[1_100 * 8]]


def test_one_late_echo_alone_moves_nothing() -> None:
    """The echoes behind one that was lost and sent again wait for it, and come with it."""
    wire = Wire(echoes="never")
    wire.speak("A", 4_000, pieces_ms=200)
    names = [name for _, name in wire.marks]
    for number, name in enumerate(names[:17]):
        late_ms = {5: 220, 6: 20, 11: 220, 12: 20}.get(number, 0)
        wire.ledger.echo(name, (number * 200 + late_ms) * MS)
        assert abs((wire.ledger.end_us() or 0) - 4_000 * MS) <= 3 * MS


@pytest.mark.parametrize("drift_ppm", [200, -200])
def test_drift_is_followed_mark_by_mark(drift_ppm: int) -> None:
    """After a minute the phone is 12 ms ahead or behind; the ledger within 2 ms of it."""
    wire = Wire(0, Playout(drift_ppm=drift_ppm))
    for _ in range(32):
        wire.ledger.round_trip.add(0)
    told = reply(wire, 60_000).wait(59_900).cut()[0].heard
    assert abs(told - wire.truth[0][0]) <= 16


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
    assert wire.ledger.playing(wire.now_us)
    assert not wire.wait(1).ledger.interruptible(wire.now_us)
    assert not wire.ledger.playing(wire.now_us)
    assert wire.ledger.over_us() is None
    assert wire.ledger.unconfirmed_ends == 1


def test_where_marks_come_back_the_floor_ends_alike_but_what_may_still_play_can_be_cut() -> None:
    """Stalled from 3 s on for 8 s: a reply of 5 s plays on at 11 s."""
    wire = reply(Wire(40, Playout(stalls=[(3_000 * MS, 8_000 * MS)])), 5_000)
    assert wire.wait(6_999).ledger.playing(wire.now_us)
    assert not wire.wait(1).ledger.playing(wire.now_us)
    assert wire.ledger.unconfirmed_ends == 1
    assert wire.wait(1_000).ledger.interruptible(wire.now_us)
    assert wire.wait(4_000).ledger.playing(wire.now_us), "it is known to play again"
    assert wire.cut()[0].heard == 4_000 * 8
    wire.wait(40)
    assert wire.truth == [[4_000 * 8]]
    assert not wire.ledger.interruptible(wire.now_us)


def test_a_phone_that_sends_no_marks_back_any_more_is_taken_at_its_word_once() -> None:
    """The cut of the first tells the least that was heard; from then on there is only the clock."""
    wire = reply(Wire(40), 3_000).wait(2_000)
    wire._echoes = "never"
    assert wire.wait(5_000).ledger.interruptible(wire.now_us)
    wire.cut()
    wire.speak("B", 1_000)
    assert wire.wait(3_000).ledger.interruptible(wire.now_us) is False
    assert wire.cut()[-1].heard == 1_000 * 8


def test_a_phone_that_was_given_up_is_believed_again_once_a_clear_brings_its_marks_back() -> None:
    wire = reply(Wire(40), 3_000).wait(2_000)
    wire._echoes = "never"
    wire.wait(5_000).cut()
    assert not wire.ledger.echoes
    wire.speak("B", 2_000)
    wire.wait(1_000)._echoes = "faithful"
    wire.cut()
    wire.wait(200)
    assert wire.ledger.echoes


def test_a_cut_behind_what_two_overdue_echoes_hold_back_tells_how_late_the_phone_is_by_what_was_heard() -> None:
    """Two echoes are overdue, so playing stands where the first should be: the lateness left is the one of the cut."""
    wire = reply(Wire(0, Playout(stalls=[(1_100 * MS, 3_000 * MS)])), 4_000).wait(2_500)
    heard_ms = wire.cut()[-1].heard / 8
    assert 1_000 <= heard_ms < 1_400
    assert wire.ledger.late_us == (2_500 - heard_ms) * MS


def test_what_a_line_that_comes_back_after_half_a_minute_plays_is_nobodys_any_more() -> None:
    wire = reply(Wire(40), 1_000).wait(500)
    wire._echoes = "never"
    assert wire.wait(30_499).ledger.interruptible(wire.now_us)
    assert not wire.wait(1).ledger.interruptible(wire.now_us)


def test_of_two_replies_in_a_stalled_line_the_one_being_played_is_cut() -> None:
    """Stalled from 1 s on for 6 s; the second reply is sent at 5 s, when the floor of the first has ended."""
    wire = reply(Wire(40, Playout(stalls=[(1_000 * MS, 6_000 * MS)])), 2_000).wait(5_000)
    wire.speak("B", 2_000)
    wire.finish("B")
    assert [entry.heard for entry in wire.wait(2_500).cut()] == [1_500 * 8, 0]
    wire.wait(40)
    assert wire.truth == [[1_500 * 8, 0]]


def test_a_mark_set_after_the_buffer_ran_dry_proves_the_end() -> None:
    """An answer made as slowly as it plays: its end is told 100 ms after it was heard."""
    wire = Wire(40)
    wire.speak("A", 100)
    wire.wait(200).finish("A")
    assert wire.wait(79).ledger.playing(wire.now_us)
    assert not wire.wait(1).ledger.playing(wire.now_us)
    assert wire.ledger.unconfirmed_ends == 0


def test_audio_made_more_slowly_than_it_plays_has_its_marks() -> None:
    wire = Wire(40)
    for _ in range(20):
        wire.speak("A", 100)
        wire.wait(120)
    assert len(wire.marks) == 11
    assert wire.entries[0].proven is False
    assert wire.cut()[0].heard == 2_000 * 8


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
    assert wire.late_echoes == [name for _, name in wire.marks[5:]]
    assert wire.ledger.dead_echoes == len(wire.late_echoes)
    assert not wire.ledger.echo("e0.9", wire.now_us)
    assert not wire.ledger.echo("e1.0", wire.now_us)
    assert not wire.ledger.echo("not ours", wire.now_us)


def test_a_mark_comes_back_once() -> None:
    wire = Wire(echoes="never")
    wire.speak("A", 1_000)
    assert wire.ledger.echo("e0.0", 10 * MS)
    assert not wire.ledger.echo("e0.0", 11 * MS)
    assert wire.ledger.round_trip.us == 10 * MS


def test_memory_stays_small_over_many_cuts_whose_echoes_never_come() -> None:
    wire = Wire(echoes="never")
    for number in range(200):
        wire.speak(f"I{number}", 2_000, pieces_ms=200)
        wire.wait(100).cut()
    assert len(wire.ledger._dead) <= 256
    assert wire.ledger._entries == []


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
