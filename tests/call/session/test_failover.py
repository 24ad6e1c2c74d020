"""Failover's policy alone: when another session is dialled, taken and given up."""

from __future__ import annotations

import pytest

from bot.call.inputs import DialFailed, SessionExpires, SessionWaiting
from bot.call.machines import SessionStage
from bot.call.outputs import Adopt, Dial, Drop, Output, Report
from bot.call.playout.playout_queue import PlayoutQueue
from bot.call.rule import NEVER_US
from bot.call.session.failover import DIAL_S, MAX_TRIES, OUTAGE_US, Failover
from bot.call.session.session_plan import plan
from bot.call.session.session_state import Carried
from bot.call.step import Step
from bot.realtime.failures import FailureKind
from tests.call.scripted_call import no_session

S = 1_000_000
WORDS = {Adopt: "adopt", Dial: "dial", Drop: "drop"}


class Line(PlayoutQueue):
    """Something plays, or nothing does."""

    audible = False

    def has_floor(self, now_us: int) -> bool:
        return self.audible


class Sessions(Failover):
    """With what the call does as it loses a session, takes another and opens it."""

    def lost(self, failure: FailureKind, code: int, reason: str) -> bool:
        known, goes_on = self.at_hand is SessionStage.LOST, super().lost(failure, code, reason)
        if goes_on and not known:
            self._session.begin(Carried())
        return goes_on

    def change(self) -> None:
        if self.at_hand is not SessionStage.LOST:
            self._session.begin(Carried())
        super().change()

    def opened(self) -> int:
        outage_us = super().opened()
        self._session.now.appended.ready = True
        return outage_us


class Table:
    """Sessions on a clock of the test's; `did` gives what came out since the last look."""

    def __init__(self, response_s: float = 8) -> None:
        self.step = Step()
        self.line = Line()
        self.sessions = Sessions(self.step, self.line, no_session(step=self.step), response_s)
        self._before: list[Output] = []

    def at(self, s: float) -> Table:
        self._before += self.step.out
        self.step.begin(round(s * S))
        return self

    @property
    def did(self) -> list[str]:
        out, self.step.out, self._before = [*self._before, *self.step.out], [], []
        return [WORDS[type(one)] if not isinstance(one, Report) else one.event for one in out]

    def due(self) -> float | None:
        return None if self.sessions.due_us == NEVER_US else self.sessions.due_us / S

    def tick(self, *, audible: bool = False) -> bool:
        """Let the sessions do what is due. True while the call goes on."""
        self.line.audible = audible
        before = len(self.step.out)
        over = self.sessions.due() is not None
        told = [one for one in self.step.out[before:] if isinstance(one, Report) and one.event == "model_closed"]
        assert len(told) == over
        self.step.out = [one for one in self.step.out if one not in told]
        return not over

    def talking(self, at_s: float = 1) -> Table:
        """The first session is ready."""
        self.at(at_s).sessions.created()
        self.sessions.opened()
        self.step.out = []
        return self


def test_the_first_session_needs_no_order() -> None:
    table = Table().at(0)
    assert table.did == []
    assert table.due() == 4  # half of the time it has


def test_a_first_session_that_is_slow_gets_a_rival_and_the_quicker_one_is_taken() -> None:
    table = Table().at(4)
    assert table.tick()
    assert table.did == ["dial"]
    table.at(4.5).sessions.waits(SessionWaiting())
    assert table.sessions.may_change(pause=False, calm=False)
    table.sessions.change()
    assert table.did == ["adopt"]


def test_a_rival_that_comes_second_is_let_go() -> None:
    table = Table().at(4)
    table.tick()
    table.at(4.2).sessions.created()
    assert table.sessions.opened() == 0
    assert table.did == ["dial", "drop"]
    table.at(4.3).sessions.waits(SessionWaiting())
    assert not table.sessions.may_change(pause=True, calm=True)
    table.sessions.failed(DialFailed("closed", 1006, ""))
    assert table.did == []


def test_a_first_dial_that_fails_is_tried_twice_more() -> None:
    table = Table().at(0.1)
    assert table.sessions.lost("unreachable", 503, "")
    assert table.did == ["session_lost"]
    assert table.due() == 0.35
    table.at(0.35).tick()
    assert table.did == ["dial"]
    table.at(0.5).sessions.failed(DialFailed("unreachable", 503, ""))
    assert table.due() == 1.5
    table.at(1.5).tick()
    table.at(1.6).sessions.failed(DialFailed("timeout", 0, ""))
    assert table.due() == 1.6
    assert table.tick(audible=True)
    assert not table.at(2.6).tick()
    assert table.sessions.failure.kind == "timeout"


@pytest.mark.parametrize("failure", ["bad_key", "unknown_model", "no_credit", "refused", "protocol"])
@pytest.mark.parametrize("ready", [False, True])
def test_what_no_try_can_mend_is_not_tried(failure: FailureKind, ready: bool) -> None:
    table = Table().talking() if ready else Table().at(0.1)
    assert not table.sessions.lost(failure, 3000, "")
    assert table.did == []
    table = Table().talking()
    assert table.at(30).sessions.lost("closed", 1006, "")
    table.sessions.failed(DialFailed(failure, 3000, ""))
    assert not table.tick()


def test_a_lost_session_is_replaced_at_once() -> None:
    table = Table().talking()
    assert table.at(30).sessions.lost("closed", 1006, "")
    assert table.sessions.at_hand is SessionStage.LOST
    assert table.did == ["session_lost", "dial"]
    assert table.sessions.lost("timeout", 0, "said again")
    assert table.did == []
    table.at(30.4).sessions.waits(SessionWaiting())
    assert table.sessions.may_change(pause=False, calm=False)
    table.sessions.change()
    table.sessions.created()
    assert table.sessions.opened() == 400_000
    assert table.sessions.at_hand is SessionStage.READY


def test_it_is_tried_later_and_later_and_not_for_ever() -> None:
    table, dials = Table().talking(), []
    assert table.at(30).sessions.lost("closed", 1006, "")
    now_s = 30.0
    while True:
        dials += [now_s] * table.did.count("dial")
        table.sessions.failed(DialFailed("unreachable", 0, ""))
        due = table.due()
        assert due is not None
        now_s = due
        if not table.at(now_s).tick():
            break
    assert dials == [30, 30.5, 31.5, 33.5, 35.5, 37.5, 39.5]
    assert now_s == 30 + OUTAGE_US / S


def test_what_is_on_its_way_to_the_caller_is_heard_before_the_end() -> None:
    table = Table().talking()
    table.at(30).sessions.lost("closed", 1006, "")
    assert table.at(40).tick(audible=True)
    assert table.due() == 41
    assert not table.at(41).tick(audible=False)


def test_sessions_that_die_one_after_the_other_are_counted_together() -> None:
    table, now_s, n_sessions = Table().talking(), 30.0, 0
    while table.at(now_s).sessions.lost("closed", 1011, ""):
        while "dial" not in table.did:
            due = table.due()
            assert due is not None
            now_s = due
            assert table.at(now_s).tick()
        n_sessions += 1
        table.sessions.waits(SessionWaiting())
        table.sessions.change()
        table.sessions.created()
        table.sessions.opened()
        now_s += 4
    assert n_sessions == MAX_TRIES


def test_one_that_has_lasted_is_a_new_start() -> None:
    table, now_s = Table().talking(), 30.0
    for _ in range(3 * MAX_TRIES):
        assert table.at(now_s).sessions.lost("closed", 1011, "")
        assert table.did[-2:] == ["session_lost", "dial"]
        table.sessions.waits(SessionWaiting())
        table.sessions.change()
        table.sessions.created()
        table.sessions.opened()
        now_s += 6


# ---- the hour ----


@pytest.mark.parametrize(
    ("within_s", "dial_s", "calm_s", "last_s"),
    [(3600, 3300, 3540, 3580), (600, 300, 540, 580), (120, 60, 105, 112.5), (16, 8, 14, 15)],
)
def test_the_end_of_a_session_is_planned(within_s: int, dial_s: float, calm_s: float, last_s: float) -> None:
    assert plan(0, within_s * S) == (dial_s * S, calm_s * S, last_s * S)


def ending() -> Table:
    """55 minutes have passed and the next session waits."""
    table = Table().talking(0)
    assert table.due() == 3300
    table.at(3300).tick()
    assert table.did == ["dial"]
    table.sessions.waits(SessionWaiting())
    return table


@pytest.mark.parametrize(
    ("at_s", "pause", "calm", "taken"),
    [
        (3301, True, True, True),
        (3301, False, True, False),
        (3539, False, True, False),
        (3540, False, False, False),
        (3540, False, True, True),
        (3580, False, False, True),
    ],
)
def test_the_next_one_takes_over_in_a_pause_while_there_is_time(
    at_s: float, pause: bool, calm: bool, taken: bool
) -> None:
    table = ending().at(at_s)
    assert table.sessions.may_change(pause=pause, calm=calm) is taken


def test_the_clock_wakes_it_when_it_may_be_less_particular() -> None:
    table = ending()
    assert table.due() == 3540
    assert table.at(3540).tick()
    assert table.due() == 3580
    assert table.at(3580).tick()
    assert table.due() is None


def test_a_session_that_dies_while_the_next_one_waits_is_replaced_by_it() -> None:
    table = ending().at(3400)
    assert table.sessions.lost("closed", 1001, "")
    assert table.did == ["session_lost"]
    assert table.sessions.may_change(pause=False, calm=False)


def test_a_dial_ahead_that_fails_is_repeated_and_hurts_nobody() -> None:
    table = Table().talking(0)
    table.at(3300).tick()
    table.sessions.failed(DialFailed("unreachable", 0, ""))
    assert table.due() == 3310
    table.at(3310).tick()
    assert table.did == ["dial", "dial_failed", "dial"]
    table.sessions.waits(SessionWaiting())
    table.sessions.failed(DialFailed("closed", 1006, "lost while it waited"))
    assert not table.sessions.may_change(pause=True, calm=True)
    assert table.due() == 3320


def test_a_session_says_itself_how_long_it_lasts() -> None:
    table = Table().talking(0)
    table.sessions.expires(SessionExpires(600))
    assert table.due() == 300
    table.sessions.expires(SessionExpires(0))
    table.sessions.expires(SessionExpires(-5))
    assert table.due() == 300


def test_a_dial_has_less_time_than_the_outage() -> None:
    assert OUTAGE_US / 2 > DIAL_S * S
