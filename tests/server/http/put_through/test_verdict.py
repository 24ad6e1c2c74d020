"""The verdict on a transfer, by what Twilio tells and the key that was pressed."""

from __future__ import annotations

from itertools import product

import pytest

from bot.server.http.put_through.verdict import AT_ONCE_S, WHY, told, verdict
from bot.server.shared.transfers import MOST, Transfer

RUNG = Transfer(0, 1, "sales")
PICKED_UP = RUNG._replace(picked_up_s=100.0)
TAKEN = PICKED_UP._replace(taken_s=110.0)
LATER = 110.0 + AT_ONCE_S


def form(status: str, *, bridged: bool | None = None, there: bool = True) -> dict[str, str]:
    """Fields that <Dial> adds to the request of its action."""
    told = {} if bridged is None else {"DialBridged": str(bridged).lower()}
    return {"CallStatus": "in-progress" if there else "completed", "DialCallStatus": status, **told}


@pytest.mark.parametrize(
    ("transfer", "asked", "result"),
    [
        (TAKEN, form("completed", bridged=True), "connected"),
        (TAKEN, form("completed", bridged=True, there=False), "connected"),
        (TAKEN, form("answered", bridged=True), "connected"),
        (TAKEN, form("completed", bridged=False), "not_taken"),
        (TAKEN, form("completed"), "not_taken"),
        (PICKED_UP, form("completed", bridged=True), "not_taken"),
        (PICKED_UP, form("completed", bridged=False), "not_taken"),
        (PICKED_UP, form("no-answer"), "not_taken"),
        (RUNG, form("busy"), "busy"),
        (RUNG, form("no-answer"), "no_answer"),
        (RUNG, form("canceled"), "no_answer"),
        (RUNG, form("failed"), "failed"),
        (RUNG, form("completed"), "failed"),
        (RUNG, form(""), "failed"),
        (RUNG, form("no-answer", there=False), "caller_gone"),
        (PICKED_UP, form("completed", there=False), "caller_gone"),
        (TAKEN, form("completed", bridged=False, there=False), "caller_gone"),
    ],
)
def test_connected_is_who_pressed_the_key_and_was_bridged(
    transfer: Transfer, asked: dict[str, str], result: str
) -> None:
    assert verdict(transfer, asked, LATER) == result


def test_a_connection_that_the_person_ends_at_once_brings_the_caller_back() -> None:
    asked = form("completed", bridged=True)
    assert verdict(TAKEN, asked, LATER - 0.1) == "cut_off"
    assert verdict(TAKEN, {**asked, "CallStatus": "completed"}, LATER - 0.1) == "connected"


def test_nothing_but_key_and_bridge_together_connects() -> None:
    states = ("completed", "answered", "busy", "no-answer", "failed", "canceled", "")
    for transfer, status, bridged, there in product(
        (RUNG, PICKED_UP, TAKEN), states, (None, True, False), (True, False)
    ):
        connected = verdict(transfer, form(status, bridged=bridged, there=there), LATER) == "connected"
        assert connected is (transfer is TAKEN and bridged is True)


def test_the_model_is_told_why_the_caller_is_back_and_when_it_was_the_last_time() -> None:
    for result, why in WHY.items():
        sentence = told(RUNG, result)
        assert "sales" in sentence
        assert why in sentence
        assert "again in this call" not in sentence
        assert told(RUNG._replace(number=MOST), result).endswith("They can't be transferred again in this call.")
