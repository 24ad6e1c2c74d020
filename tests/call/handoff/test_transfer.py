"""The transfer of a caller by the model's wish: checked, promised, heard, and dropped when the caller speaks."""

from __future__ import annotations

import json

import pytest

from bot.call.handoff import end_call, transfer
from bot.call.handoff.transfer import CHECK_US, MAX_SUMMARY, PROMISE_US, TRANSFER_CALL
from bot.call.inputs import DialFailed, ModelClosed, SessionWaiting, Shutdown, ToolDone, TransferChecked, TransferWanted
from bot.call.machines import TransferStage
from bot.call.outputs import CheckTransfer, Transfer
from bot.call.settings import CallSettings, ToolRules
from bot.call.states import State
from bot.realtime import events
from bot.realtime.session import END_CALL
from bot.twilio import stream
from tests.call.scripted_call import (
    MS,
    ScriptedCall,
    added,
    audio_done,
    changed,
    committed,
    created,
    delta,
    done,
    echo,
    function,
    item_done,
    speaks,
    stops,
    updated,
)

SETTINGS = CallSettings(destinations=("sales", "service"))


def wish(response: str, call_id: str = "call_1", **arguments: object) -> events.OutputItemDone:
    """The model's call of the function."""
    return wished(response, json.dumps(arguments or {"destination": "sales", "summary": "Wants a boat."}), call_id)


def wished(response: str, arguments: str, call_id: str = "call_1") -> events.OutputItemDone:
    item = events.Item(
        f"fn_{call_id}", "function_call", status="completed", name=TRANSFER_CALL, call_id=call_id, arguments=arguments
    )
    return events.OutputItemDone(response, item)


def asking(settings: CallSettings = SETTINGS) -> ScriptedCall:
    """The caller has asked for a person, and the model begins to answer."""
    desk = ScriptedCall(settings)
    desk.at(100).give(speaks(), stops(), committed("U1"), events.CallerTranscript("U1", "A person, please."))
    desk.at(200).give(created("R1"))
    return desk


def outputs(desk: ScriptedCall) -> dict[str, list[str]]:
    """The outputs of function calls, by call."""
    given: dict[str, list[str]] = {}
    for one in desk.sent(events.CreateItem):
        if one.item["type"] == "function_call_output":
            given.setdefault(one.item["call_id"], []).append(json.loads(one.item["output"])["result"])
    return given


def stage(desk: ScriptedCall) -> TransferStage:
    return desk.call._parts.floor.transfer_stage


def promised(desk: ScriptedCall) -> ScriptedCall:
    """The destination is free, and the model has said so: 800 ms of it."""
    desk.give(wish("R1"), done("R1"))
    desk.at(300).give(TransferChecked("call_1"))
    desk.at(400).give(created("R2"), added("R2", "A"), delta("R2", "A", 800), audio_done("R2", "A"), item_done("A"))
    desk.give(done("R2"))
    return desk


def heard_out(desk: ScriptedCall) -> list[str]:
    """All that was sent has been heard."""
    desk.at((desk.call.playout.ledger.end_us() or 0) / MS)
    return desk.give(*(echo(one.name) for one in list(desk.call.playout.ledger._marks)))


# ---- it goes through ----


def test_the_destination_is_checked_before_it_is_promised_and_rung_once_the_promise_was_heard() -> None:
    desk = asking()
    assert desk.give(wish("R1"), done("R1")) == ["check sales call_1"]
    assert desk.at(300).give(TransferChecked("call_1")) == ["item function_call_output call_1", "create"]
    assert outputs(desk) == {"call_1": [transfer.PROMISE]}
    desk.at(400).give(created("R2"), added("R2", "A"), delta("R2", "A", 800), audio_done("R2", "A"), item_done("A"))
    assert desk.call.state is State.CLOSING
    desk.give(done("R2"))
    desk.at(1_100).tick()
    assert desk.call.ended is None
    assert heard_out(desk)[-2:] == ["transfer sales: Wants a boat.", "end transferred"]


def test_a_promise_that_came_with_the_call_needs_no_second_one() -> None:
    desk = asking()
    desk.give(added("R1", "A"), delta("R1", "A", 800), audio_done("R1", "A"), item_done("A"))
    assert desk.give(wish("R1"), done("R1")) == ["check sales call_1"]
    assert desk.at(300).give(TransferChecked("call_1")) == []
    assert desk.call.state is State.CLOSING
    assert heard_out(desk)[-2:] == ["transfer sales: Wants a boat.", "end transferred"]
    assert outputs(desk) == {}


def test_a_check_that_takes_longer_than_what_was_said_ends_the_call_when_it_comes() -> None:
    desk = asking()
    desk.give(added("R1", "A"), delta("R1", "A", 100), audio_done("R1", "A"), item_done("A"), wish("R1"), done("R1"))
    heard_out(desk)
    assert desk.call.ended is None
    assert desk.at(2_000).give(TransferChecked("call_1"))[-2:] == ["transfer sales: Wants a boat.", "end transferred"]


def test_a_response_that_was_asked_for_before_the_promise_is_none() -> None:
    desk = ScriptedCall(changed(SETTINGS, tools=(ToolRules("stock"),)))
    desk.at(50).give(created("R0"), function("R0", "stock", "call_2"), done("R0"))
    desk.at(100).give(speaks(), stops(), committed("U1"), events.CallerTranscript("U1", "A person, please."))
    desk.at(200).give(created("R1"), wish("R1"), done("R1"))
    assert desk.at(250).give(ToolDone("call_2", "Three boats."))[-1:] == ["create"]
    desk.at(300).give(
        TransferChecked("call_1"), created("R2"), delta("R2", "B", 400), audio_done("R2", "B"), done("R2")
    )
    assert stage(desk) is TransferStage.PROMISING
    assert "create" in heard_out(desk)
    desk.give(created("R3"))
    assert stage(desk) is TransferStage.LEAVING


def test_a_promise_that_the_model_does_not_make_is_not_waited_for_for_ever() -> None:
    desk = asking()
    desk.give(wish("R1"), done("R1"))
    desk.at(300).give(TransferChecked("call_1"))
    at_ms = 300.0
    while desk.call.ended is None and at_ms < 60_000:
        at_ms += 100
        desk.at(at_ms).tick()
    assert desk.call.ended == "transferred"
    assert at_ms * MS <= 300 * MS + PROMISE_US + 30_000 * MS


def test_the_summary_is_one_line_and_bounded() -> None:
    desk = asking()
    desk.give(wish("R1", destination="service", summary="A  boat\n" + "x" * 2_000), done("R1"))
    desk.at(300).give(TransferChecked("call_1"), created("R2"), done("R2"))
    (order,) = desk.sent(Transfer)
    assert order.destination == "service"
    assert order.summary.startswith("A boat xxx")
    assert len(order.summary) == MAX_SUMMARY


# ---- it does not ----


@pytest.mark.parametrize(
    "arguments",
    [
        *("", "null", "[]", "{", "{}", '"sales"', '{"destination": "Sales"}', '{"destination": "sales "}'),
        *('{"destination": "+15555550199"}', '{"destination": "sip:x@evil.example"}', '{"destination": ["sales"]}'),
        *('{"destination": ""}', '{"destination": null}', '{"destination": "sales</Number><Number>+1900"}'),
        *('{"destination": "sales", "summary": 5}', '{"number": "+15555550199"}', "[" * 5_000),
    ],
)
def test_whoever_is_not_on_the_list_is_not_rung(arguments: str) -> None:
    desk = asking()
    said = desk.give(wished("R1", arguments), done("R1"))
    assert said == ["item function_call_output call_1", "create"]
    assert outputs(desk) == {"call_1": [transfer.BAD.format(names="sales, service")]}
    assert stage(desk) is TransferStage.NONE


def test_a_call_without_destinations_knows_no_transfer() -> None:
    desk = asking(CallSettings())
    desk.give(wish("R1"), done("R1"))
    assert outputs(desk) == {"call_1": ["There is no such function."]}


def test_more_in_the_arguments_than_a_destination_changes_nothing() -> None:
    desk = asking()
    desk.give(wish("R1", destination="sales", summary="s", number="+15555550199"), done("R1"))
    desk.at(300).give(TransferChecked("call_1"), created("R2"), done("R2"))
    assert desk.sent(Transfer) == [Transfer("sales", "s")]


def test_one_that_is_not_free_is_not_promised_and_the_model_learns_why() -> None:
    desk = asking()
    desk.give(wish("R1"), done("R1"))
    assert desk.at(300).give(TransferChecked("call_1", "Closed.")) == ["item function_call_output call_1", "create"]
    assert outputs(desk) == {"call_1": ["Closed."]}
    assert desk.call.state is not State.CLOSING
    desk.reply("R2", A=500)
    heard_out(desk)
    assert desk.call.ended is None


def test_a_check_that_never_comes_back_is_a_no() -> None:
    desk = asking()
    desk.give(wish("R1"), done("R1"))
    assert desk.at(200 + CHECK_US / MS).tick()[-2:] == ["item function_call_output call_1", "create"]
    assert outputs(desk) == {"call_1": [transfer.UNTOLD]}
    assert desk.at(6_000).give(TransferChecked("call_1")) == []
    assert stage(desk) is TransferStage.NONE


def test_nobody_is_transferred_before_they_have_said_or_keyed_anything() -> None:
    desk = ScriptedCall(SETTINGS)
    desk.at(200).give(created("R1"), wish("R1"), done("R1"))
    assert outputs(desk) == {"call_1": [transfer.TOO_EARLY]}


def test_nor_in_the_greeting() -> None:
    desk = ScriptedCall(changed(SETTINGS, greeting="Hello."))
    desk.at(100).give(created("R1"), speaks(), stops(), committed("U1"), events.CallerTranscript("U1", "A person."))
    desk.at(200).give(wish("R1"))
    assert outputs(desk) == {"call_1": [transfer.TOO_EARLY]}


# ---- with a hang-up ----


def test_with_a_hang_up_behind_it_the_transfer_wins_and_the_hang_up_gets_an_output() -> None:
    desk = asking()
    desk.give(wish("R1"), function("R1", END_CALL, "call_2"), done("R1"))
    assert outputs(desk) == {"call_2": [end_call.TRANSFERRED]}
    desk.at(300).give(TransferChecked("call_1"), created("R2"), done("R2"))
    assert desk.call.ended == "transferred"


def test_with_a_hang_up_before_it_the_hang_up_wins_and_the_transfer_gets_an_output() -> None:
    desk = asking()
    desk.give(function("R1", END_CALL, "call_2"), wish("R1"), done("R1"))
    assert outputs(desk) == {"call_1": [transfer.ENDING]}
    assert desk.call.ended == "bot_hung_up"
    assert desk.sent(Transfer) == []


def test_who_is_hung_up_on_by_an_operator_is_not_put_through() -> None:
    desk = promised(asking())
    assert stage(desk) is TransferStage.LEAVING
    desk.give(Shutdown("bot_hung_up"))
    assert (desk.call.ended, desk.sent(Transfer)) == ("bot_hung_up", [])
    assert desk.reports[-1].event == "transfer_dropped"


def test_of_two_transfers_the_first_wins() -> None:
    desk = asking()
    desk.give(wish("R1"), wish("R1", "call_2", destination="service"), done("R1"))
    assert outputs(desk) == {"call_2": [transfer.UNDER_WAY]}
    desk.at(300).give(TransferChecked("call_2"))
    assert stage(desk) is TransferStage.CHECKING
    desk.give(TransferChecked("call_1"), created("R2"), done("R2"))
    assert [one.destination for one in desk.sent(Transfer)] == ["sales"]


# ---- the caller speaks ----


def test_a_caller_who_speaks_while_it_is_checked_is_not_transferred() -> None:
    desk = asking()
    desk.give(wish("R1"), done("R1"))
    assert "item function_call_output call_1" in desk.at(250).give(speaks())
    assert outputs(desk) == {"call_1": [transfer.NOT_NOW]}
    assert desk.at(300).give(TransferChecked("call_1")) == []
    assert stage(desk) is TransferStage.NONE
    desk.give(stops(), committed("U2"))
    desk.at(400).give(created("R2"), wish("R2", "call_2"), done("R2"))
    desk.at(500).give(TransferChecked("call_2"), created("R3"), done("R3"))
    assert desk.call.ended == "transferred"


def test_a_caller_who_speaks_over_the_promise_is_not_transferred_and_the_model_is_told_once() -> None:
    desk = promised(asking())
    said = desk.at(700).give(speaks())
    assert "item message transfer_dropped_1" in said
    assert "clear" in said
    assert desk.call.state is State.HEARING
    desk.at(900).give(stops(), committed("U2"))
    desk.reply("R3", B=300)
    heard_out(desk)
    assert desk.call.ended is None
    assert outputs(desk) == {"call_1": [transfer.PROMISE]}
    assert len(outputs(desk)["call_1"]) == 1


def test_a_caller_who_speaks_over_a_promise_that_came_with_the_call_is_not_transferred() -> None:
    desk = asking()
    desk.give(added("R1", "A"), delta("R1", "A", 800), audio_done("R1", "A"), item_done("A"), wish("R1"), done("R1"))
    desk.at(300).give(TransferChecked("call_1"))
    desk.at(700).give(speaks())
    assert outputs(desk) == {"call_1": [transfer.NOT_NOW]}
    assert desk.call.state is State.HEARING


def test_a_call_made_while_the_caller_speaks_is_dropped_at_once() -> None:
    desk = asking()
    desk.call._parts.floor.caller_started()
    desk.give(wish("R1"), done("R1"))
    assert outputs(desk) == {"call_1": [transfer.NOT_NOW]}


def test_a_caller_who_hangs_up_meanwhile_is_not_transferred() -> None:
    desk = promised(asking())
    desk.at(700).give(stream.Stop("MZ1"))
    assert desk.call.ended == "caller_hung_up"
    assert desk.sent(Transfer) == []


# ---- the session is lost ----


def next_session(desk: ScriptedCall, ms: float) -> None:
    desk.at(ms).give(ModelClosed("closed", 1006))
    desk.give(SessionWaiting())
    desk.give(events.SessionCreated(), updated())


def test_a_check_outlives_the_session_that_asked_for_it() -> None:
    desk = asking()
    desk.give(wish("R1"), done("R1"))
    next_session(desk, 400)
    desk.at(600).give(TransferChecked("call_1"))
    assert outputs(desk) == {"call_1": [transfer.PROMISE]}
    desk.at(700).give(created("R2"), done("R2"))
    assert desk.call.ended == "transferred"


def test_a_promise_that_was_heard_outlives_the_session_that_made_it() -> None:
    desk = promised(asking())
    desk.at(600).give(ModelClosed("closed", 1006), DialFailed("closed", 1006))
    heard_out(desk)
    at_ms = desk.now_us / MS
    while desk.call.ended is None and at_ms < 20_000:
        at_ms += 100
        desk.at(at_ms).tick()
    assert desk.call.ended in {"transferred", "model_unavailable"}


# ---- the operator asks ----


def by_operator(desk: ScriptedCall, **wanted: str) -> str:
    """The operator wants a transfer. Gives the id of the call that stands for it."""
    desk.give(TransferWanted(**wanted))
    return next(call.call_id for call in desk.call._parts.functions.calls if call.by_person)


def test_an_operator_s_transfer_goes_the_way_of_the_model_s() -> None:
    desk = ScriptedCall(SETTINGS)
    desk.at(200)
    call_id = by_operator(desk, destination="sales", summary="A boat.")
    assert [one.item["type"] for one in desk.sent(events.CreateItem)] == ["function_call"]
    assert stage(desk) is TransferStage.CHECKING
    assert desk.at(300).give(TransferChecked(call_id)) == [f"item function_call_output {call_id}", "create"]
    desk.at(400).give(created("R2"), added("R2", "A"), delta("R2", "A", 800), audio_done("R2", "A"), item_done("A"))
    desk.give(done("R2"))
    assert heard_out(desk)[-2:] == ["transfer sales: A boat.", "end transferred"]


def test_one_that_is_not_free_is_refused_to_the_operator_too() -> None:
    desk = ScriptedCall(SETTINGS)
    call_id = by_operator(desk.at(200), destination="service")
    desk.at(300).give(TransferChecked(call_id, "Closed."))
    assert outputs(desk) == {call_id: ["Closed."]}
    assert stage(desk) is TransferStage.NONE


def test_a_caller_who_speaks_is_not_transferred_by_the_operator() -> None:
    desk = ScriptedCall(SETTINGS)
    desk.at(200).give(speaks())
    by_operator(desk, destination="sales")
    assert stage(desk) is TransferStage.NONE
    assert [report.details["why"] for report in desk.reports if report.event == "transfer_refused"] == ["not_now"]


def test_two_wishes_at_once_are_one_transfer() -> None:
    desk = ScriptedCall(SETTINGS)
    by_operator(desk.at(200), destination="sales")
    desk.at(250).give(TransferWanted("service"))
    assert [one.destination for one in desk.sent(CheckTransfer)] == ["sales"]
