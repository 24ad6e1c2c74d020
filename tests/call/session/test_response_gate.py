"""The one gate for `response.create`, and what may still be heard."""

from __future__ import annotations

import pytest

from bot.call.session.response_gate import REMEMBERED, ResponseGate
from bot.realtime.events import CreateResponse


def test_what_is_wanted_goes_out_once() -> None:
    gate = ResponseGate()
    assert gate.release() is None
    gate.want({"a": 1})
    gate.want({"b": 2})
    assert gate.awaited is True
    assert not gate.busy
    assert gate.release() == CreateResponse({"b": 2}, "create_1")
    assert gate.busy
    assert gate.release() is None


def test_nothing_goes_out_while_a_response_is_asked_for_or_active() -> None:
    gate = ResponseGate()
    gate.want({})
    gate.release()
    gate.want({})
    assert gate.release() is None
    gate.created("R1")
    assert gate.release() is None
    gate.done("R2")
    assert gate.release() is None
    gate.done("R1")
    assert gate.release() == CreateResponse({}, "create_2")


def test_what_is_given_up_is_wanted_anew_and_not_what_was_answered_before() -> None:
    gate = ResponseGate()
    gate.want({"said": "greeting"})
    gate.release()
    gate.created("R1")
    gate.answered("R1")
    gate.done("R1")
    assert gate.give_up() is None  # an answer of the server's own, which never came
    assert gate.release() == CreateResponse({}, "create_2")
    assert gate.give_up() is None
    assert gate.release() == CreateResponse({}, "create_3")
    gate.created("R3")
    gate.want({"said": "goodbye"})
    assert gate.give_up() == "R3"
    gate.done("R3")
    assert gate.release() == CreateResponse({"said": "goodbye"}, "create_4")
    gate.created("R4")
    assert gate.give_up() == "R4"
    gate.done("R4")
    assert gate.release() == CreateResponse({"said": "goodbye"}, "create_5")


def test_what_is_forgotten_does_not_go_out() -> None:
    gate = ResponseGate()
    gate.want({})
    gate.forget()
    assert gate.release() is None
    assert not gate.awaited


def test_a_refused_request_is_wanted_again() -> None:
    gate = ResponseGate()
    gate.want({"a": 1})
    gate.release()
    assert not gate.refused("create_9")
    assert not gate.refused(None)
    assert gate.refused("create_1")
    assert not gate.refused("create_1")
    assert gate.release() == CreateResponse({"a": 1}, "create_2")


def test_a_refused_request_does_not_push_out_a_newer_wish() -> None:
    gate = ResponseGate()
    gate.want({"old": 1})
    gate.release()
    gate.want({"new": 1})
    gate.refused("create_1")
    assert gate.release() == CreateResponse({"new": 1}, "create_2")


def test_nothing_came_of_a_response_until_something_did() -> None:
    gate = ResponseGate()
    assert not gate.empty("R1")
    gate.created("R1")
    assert gate.empty("R1")
    gate.done("R1")
    assert gate.empty("R1")
    assert gate.audible("R1")
    gate.answered("R1")
    assert not gate.empty("R1")
    assert gate.audible("R1")


def test_of_one_that_may_not_be_heard_it_is_not_asked_whether_anything_came() -> None:
    gate = ResponseGate()
    gate.created("R1")
    gate.suppress()
    gate.answered("R1")
    assert not gate.empty("R1")
    assert not gate.audible("R1")


def test_behind_another_active_response_it_waits_until_that_is_over() -> None:
    gate = ResponseGate()
    gate.want({})
    gate.release()
    gate.refused("create_1", another_active=True)
    assert gate.busy
    assert gate.release() is None
    gate.done("one we never heard of")
    assert gate.release() == CreateResponse({}, "create_2")


def test_parameters_are_those_of_our_request_and_none_for_the_servers_own() -> None:
    gate = ResponseGate()
    gate.want({"instructions": "x"})
    gate.release()
    gate.created("R1")
    assert gate.parameters == {"instructions": "x"}
    gate.done("R1")
    gate.created("R2")
    assert gate.parameters == {}


def test_only_a_response_that_was_announced_and_not_cut_is_heard() -> None:
    gate = ResponseGate()
    assert not gate.audible("R1")
    gate.created("R1")
    assert gate.audible("R1")
    assert gate.suppress() == "R1"
    assert not gate.audible("R1")
    assert gate.suppress() is None
    gate.done("R1")
    assert gate.suppressed("R1")
    gate.created("R2")
    assert gate.audible("R2")
    gate.done("R2")
    assert gate.audible("R2")


def test_a_cut_silences_a_response_that_was_over_and_one_that_was_replaced() -> None:
    gate = ResponseGate()
    for name in ("R1", "R2", "R3"):
        gate.created(name)
    gate.done("R2")
    assert gate.suppress() == "R3"
    assert not any(gate.audible(name) for name in ("R1", "R2", "R3"))


def test_a_cut_reaches_a_response_that_is_asked_for_but_not_made() -> None:
    gate = ResponseGate()
    gate.want({})
    gate.release()
    assert gate.suppress() is None
    gate.created("R1")
    assert gate.suppressed("R1")
    gate.done("R1")
    gate.created("R2")
    assert gate.audible("R2")


@pytest.mark.parametrize("another_active", [False, True])
def test_a_request_that_was_cut_and_then_refused_is_not_made_again(another_active: bool) -> None:
    gate = ResponseGate()
    gate.want({})
    gate.release()
    gate.suppress()
    assert gate.refused("create_1", another_active=another_active)
    gate.done("whatever was in the way")
    assert gate.release() is None
    gate.created("R2")
    assert gate.audible("R2")


def test_memory_is_bounded_and_what_is_forgotten_is_silent() -> None:
    gate = ResponseGate()
    for number in range(REMEMBERED + 1):
        gate.created(f"R{number}")
    assert len(gate._known) == REMEMBERED
    assert not gate.audible("R0")
    assert gate.audible("R1")
