"""A session is lost, in every situation: what is set back to what a call has that never had one, and what goes over.

Each field of each part of a call stands in one of the three tables. A new one that stands in none fails: whoever adds it
says what becomes of it when the session is lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from gc import collect
from typing import Any, NamedTuple
from weakref import ref

import pytest

from bot.call.inputs import ModelClosed, PhoneRoom, SessionExpires, SessionWaiting
from bot.call.machines import NextStage, SessionStage
from bot.call.outputs import Adopt
from bot.realtime import events
from tests.call.call_fields import is_part, picture
from tests.call.lost_sessions import AGAIN, ONCE, Situation, at_rest, fresh, greeted
from tests.call.scripted_call import MS, SESSION, ScriptedCall, in_words, updated

OF_THE_SESSION = {
    "Session": "ready_us plan speech_us answer_due caller_turns growing doubtful silent knows_goodbye end_call outputs preamble"
    " unlisted lists away remote_calls",
    "AppendedAudio": "ready n_bytes quiet_at fresh _fresh_at _pieces _from _to",
    "AudioFormats": "_now",
    "CallerSpeech": "_began _ended",
    "InheritedItems": "_told",
    "OwedWords": "said_us answer_us made_us end_us listen_us over_us not_before_us",
    "PendingDeletes": "_waiting _silent",
    "ResponseGate": "active parameters _known _request _asked_for cancelling",
    "TurnOwnership": "owner server_acts told _pending",
    # outside of it
    "Idle": "_since_us",
    "ResponseTimeout": "_since_us",
    "Transcript": "of_caller",
}
"""Equal to a fresh call's once another session takes over, whatever came before."""

GOES_OVER = {
    # named in `carried`
    "InheritedItems": "items",
    "ResponseGate": "_wanted closed last requests",
    # and what is no session's
    "TurnLog": "open",
    "Call": "ended",
    "ServerSide": "_refusals",
    "WordlessTurns": "_sounds _n_bytes",
    "Goodbye": "why _tries _response_id",
    "Retries": "errors _retried _given_up",
    "Filler": "_expected _since_us _played _number",
    "Keypad": "keys began_us last_us _number",
    "Hints": "_texts",
    "OperatorOnLine": "by cut_off _asked_us _began_us _heard_us _turns _told _gone_on",
    "Floor": "operator_stage state greeting_stage goodbye_stage transfer_stage keypad_stage stream_stage notice_heard hang_up_asked tools_running let_in",
    "AskedCalls": "_calls _open used",
    "FunctionCalls": "owed held",
    "SecretEntry": "_call_id _rules _n_digits _began_us _last_us tries",
    "SendDigits": "_call_id _digits _let_in",
    "TransferCall": "_call_id _to _dropped _asked_before",
    "Approval": "waiting _number",
    "Meanwhile": "_since_us _told_us _number",
    "Greeting": "is_over _response_id",
    "Idle": "_quiet_us _prompts _number _written",
    "StateDeadlines": "_ready_by _claim_by _over_by _state_by _closing state watches",
    "Uplink": "backlog_bytes filled_bytes dropped_bytes distrusted_timestamps _kept _kept_bytes _next_at _filled_to"
    " _last_us _filled_us _held_us frames_in_silence",
    "Opening": "_answer_owed _times _held_us _request",
    "ResponseTimeout": "_quiet_us",
    "NoProgress": "_since_us _turns _said _person_us",
    "Failover": "at_hand next ever_ready _dial_us _give_up_us _waited _tries _lost_us failure",
    "SpendCap": "model_nano_usd transcription_nano_usd _number _day_nano_usd _answered",
    "Step": "now_us out counts _event_number",
    "Transcript": "turns _by_item _words _number _chars_left",
    "Latencies": "_since_us _response_id _to_hear _greeted",
    "WrapUp": "_told",
    # what plays, plays on
    "Ledger": "epoch early_echoes dead_echoes unconfirmed_ends echoes ask_until_us news late_us _entries _runs _marks"
    " _probes _dead _mark_number _marked_us _unmarked _out _given_up",
    "Level": "kept odd _moves",
    "RoundTrip": "us spread_us _n_deviations",
    "PlayoutQueue": "stream_sid begun full paused keeps dropped_bytes fresh _held _held_bytes _kept _step_chars",
    "StartHold": "_last",
    "Voice": "_items learnt",
}
"""The caller's, the line's and the call's own."""

OF_CALLS_THAT_WE_MAKE = {
    "Floor": "answer_stage",
    "Goodbye": "_words _parameters",
    "Latencies": "_from_us",
    "SpendCap": "_from_us",
    "WhoAnswered": "by _verdict _words _turns _unwritten _since_us _spoken_us _stopped_us _beep _untold",
}
"""They go over too, and are as in a fresh call in every call that came in. `conversation/test_who_answered` has them."""

CHOSEN = {
    "StreamAdmission": "_settings",
    "FunctionCalls": "_rules",
    "McpCalls": "_servers",
    "TransferCall": "_names",
    "Announcement": "recorded",
    "CurrentSession": "_settings",
    "Announcement.recorded": "_item_id _words _audio entry",
    "Call": "settings",
    "CallerSpeech": "_prefix_ms _silence_ms _trusted",
    "MaxDuration": "_most_us _before_us _near_us _over_us",
    "Filler": "_moment _apology _patience_us",
    "AudioFormats": "_asked",
    "Floor": "_barge_in",
    "Greeting": "recorded",
    "Greeting.recorded": "_item_id _words _audio entry",
    "Idle": "_longest_us",
    "Keypad": "_rules _shortcuts",
    "KeyPause": "_pause_us _longest_us",
    "StateDeadlines": "_answer_us _call_us _before_us",
    "Uplink": "_stall_us",
    "Opening": "_goes_on",
    "Parts": "settings",
    "ResponseTimeout": "_answer_us",
    "NoProgress": "_longest_us",
    "SessionLiveness": "_quiet_us _most_us _wanted",
    "SpendCap": "_money _before_us _before_nano_usd _models _rings",
    "TurnOwnership": "can_truncate may_leave _detection",
    "WhoAnswered": "_outgoing _instructions _noticed_us _writes",
}
"""Known as the call begins, and never anything else."""

CHANGED_BY_A_LOSS = {
    "Meanwhile": "_since_us",
    "Approval": "_number",  # the next session is told of it anew
    "TurnLog": "open",  # what was being made is over
    "Goodbye": "_response_id",
    "Filler": "_expected _since_us",
    "Floor": "state goodbye_stage greeting_stage",
    "Greeting": "_response_id",
    "Idle": "_quiet_us",
    "InheritedItems": "items",
    "StateDeadlines": "_state_by state",  # the caller is heard no more, for a while
    "Uplink": "_kept _kept_bytes",
    "ResponseTimeout": "_quiet_us",
    "NoProgress": "_person_us",  # an operator has the call, now as before
    "ResponseGate": "_wanted",
    "Failover": "at_hand next _dial_us _give_up_us _waited _tries _lost_us failure",
    "Step": "out counts",
    "Transcript": "turns _by_item _words",
    "Latencies": "_since_us _to_hear _greeted",
    "Ledger": "_entries _runs _marks _marked_us _mark_number _out _probes",
    "PlayoutQueue": "paused _held _held_bytes _kept _step_chars",  # speech that the greeting waited for is over
}
"""Fields that a loss changes, of the objects that go over to the next session; their rest is as it was before."""

ALIKE_FOR_ALL = {
    "Failover._waited": True,
    "Failover.next": NextStage.NONE,
    "Failover.at_hand": SessionStage.OPENING,
}
"""Values that every session finds that takes over, and a first one does not."""

ANSWER_IS_OWED = {
    "the_caller_has_stopped",
    "the_server_owes_an_answer",
    "the_server_owes_an_answer_and_owns_the_turns",
    "the_server_has_begun_to_answer",
    "the_turn_has_words",
    "an_answer_is_asked_for",
    "another_answer_is_in_the_way",
    "an_answer_has_begun_in_words",
    "an_answer_is_half_heard",
    "a_turn_waits_behind_an_answer",
    "an_answer_is_overdue",
    "it_has_failed_once",
    "the_session_owes_the_end_of_a_response",
}
"""Situations whose answer is owed, and therefore asked of the next session."""

DIES = ModelClosed("closed", 1006)


WIRING = {
    "FunctionCalls.on_approval",
    "FunctionCalls._built_in",
    "AfterStep._lookers",
    "SessionLiveness._lose",
    "Failover._goes_on",
}


def reckoned(name: str) -> bool:
    """Tell a field that is worked out from the others in every step that moves the call, as every deadline is."""
    part, field = name.split(".", maxsplit=1)[0], name.rsplit(".", maxsplit=1)[-1]
    return (
        field == "due_us"
        or name in {"Idle.silent", "Idle.full_us", "Step.follows"}
        or field == "level"
        or (part == "AfterStep" and name not in WIRING)
    )


def named(table: dict[str, str]) -> set[str]:
    return {f"{part}.{field}" for part, fields in table.items() for field in fields.split()}


class Loss(NamedTuple):
    """Pictures of the call before its session was lost, once another one is taken, and of a fresh call."""

    before: dict[str, Any]
    after: dict[str, Any]
    fresh: dict[str, Any]


def of_the_session(shown: dict[str, Any]) -> dict[str, Any]:
    """Its fields, less what of one of them is the line's."""
    own = {name: value for name, value in shown.items() if name in named(OF_THE_SESSION)}
    own["AppendedAudio.quiet_at"] -= shown["Uplink._kept_bytes"]  # counted from what is kept on
    return own


def dies(desk: ScriptedCall) -> Loss:
    """Lose the session without a word; the next one is there at once."""
    desk.tick()
    before = picture(desk.call)
    assert "dial" in desk.give(DIES)
    assert desk.give(SessionWaiting()) == ["adopt"]
    return Loss(before, picture(desk.call), picture(fresh(desk.call.settings).call))


def is_changed(desk: ScriptedCall) -> Loss:
    """Its time is over, and another one takes its place ahead of that."""
    began_ms = desk.now_us / MS
    desk.give(SessionExpires(1))
    assert "dial" in desk.at(began_ms + 500).tick()
    before = picture(desk.call)
    if desk.give(SessionWaiting()) != ["adopt"]:
        before = picture(desk.call)
        assert "adopt" in desk.at(began_ms + 940).tick()
    desk.give(PhoneRoom())
    return Loss(before, picture(desk.call), picture(fresh(desk.call.settings).call))


def taken_over(desk: ScriptedCall) -> None:
    """The session that was taken is ready."""
    desk.give(events.SessionCreated(SESSION), updated())
    assert desk.call.uplink.ready


def once(situation: Situation) -> ScriptedCall:
    desk = greeted()
    situation(desk, 1)
    return desk


def twice(situation: Situation) -> ScriptedCall:
    """The same again, with the session that took over."""
    desk = once(situation)
    dies(desk)
    taken_over(desk)
    situation(at_rest(desk, 1), 2)
    return desk


BEGUN: dict[str, Callable[[], ScriptedCall]] = {
    **{one.__name__: one for one in ONCE},
    **{one.__name__: (lambda one=one: once(one)) for one in AGAIN},
    **{f"{one.__name__}_again": (lambda one=one: twice(one)) for one in AGAIN},
}


@cache
def lost(name: str) -> Loss:
    return dies(BEGUN[name]())


def test_every_field_of_a_call_is_said_to_be_the_sessions_or_not() -> None:
    shown = {name for begun in ONCE for name in picture(begun().call) if not reckoned(name)} - WIRING
    tables = [named(OF_THE_SESSION), named(GOES_OVER), named(OF_CALLS_THAT_WE_MAKE), named(CHOSEN)]
    assert sorted(shown ^ set[str]().union(*tables)) == []
    assert sum(map(len, tables)) == len(shown)
    assert named(CHANGED_BY_A_LOSS) <= named(GOES_OVER)


@pytest.mark.parametrize("name", BEGUN)
def test_what_is_the_sessions_is_as_in_a_fresh_call(name: str) -> None:
    loss = lost(name)
    assert of_the_session(loss.after) == of_the_session(loss.fresh)
    assert {field: loss.after[field] for field in ALIKE_FOR_ALL} == ALIKE_FOR_ALL


@pytest.mark.parametrize("name", BEGUN)
def test_so_it_is_where_a_session_is_changed_ahead_of_its_end(name: str) -> None:
    loss = is_changed(BEGUN[name]())
    assert of_the_session(loss.after) == of_the_session(loss.fresh)


@pytest.mark.parametrize("name", BEGUN)
def test_what_goes_over_is_as_it_was(name: str) -> None:
    loss = lost(name)
    same = (named(GOES_OVER) | named(OF_CALLS_THAT_WE_MAKE)) - named(CHANGED_BY_A_LOSS)
    assert {one: loss.after[one] for one in same} == {one: loss.before[one] for one in same}
    chosen = named(CHOSEN) & loss.fresh.keys()
    assert {one: loss.after[one] for one in chosen} == {one: loss.fresh[one] for one in chosen}


@pytest.mark.parametrize("name", BEGUN)
def test_the_next_is_asked_for_an_answer_where_one_is_owed(name: str) -> None:
    owed = name.removesuffix("_again") in ANSWER_IS_OWED
    if name not in {one.__name__ for one in ONCE}:
        assert lost(name).after["ResponseGate._wanted"] == ({} if owed else None)


def test_in_some_situation_each_field_of_the_session_is_not_as_in_a_fresh_call() -> None:
    """Otherwise nothing would be compared."""
    moved: set[str] = set()
    for name in BEGUN:
        before, first = of_the_session(lost(name).before), of_the_session(lost(name).fresh)
        moved |= {field for field in before if before[field] != first[field]}
    remote = {f"Session.{field}" for field in ("unlisted", "lists", "away", "remote_calls")}
    assert sorted(named(OF_THE_SESSION) - moved - remote) == []  # those: `remote_calls/test_remote_tools_in_a_call`


def test_in_some_situation_what_goes_over_is_not_as_in_a_fresh_call() -> None:
    line = (
        "Call.",
        "Ledger.",
        "PlayoutQueue.",
        "StartHold.",
        "RoundTrip.",
        "Level.",
        "Voice.",
        "Uplink.",
        "StateDeadlines.",
    )
    seldom = {"SpendCap._answered", "OperatorOnLine.cut_off", "TransferCall._asked_before"}
    alike = {*ALIKE_FOR_ALL, *seldom}  # the call's first moment, and its last; a race
    moved = {
        field for name in BEGUN for field, value in lost(name).after.items() if value != lost(name).fresh.get(field)
    }
    mine = {field for field in named(GOES_OVER) if not field.startswith(line)}
    assert sorted(mine - moved - alike) == []


@pytest.mark.parametrize("name", BEGUN)
def test_nobody_keeps_anything_of_a_lost_session(name: str) -> None:
    desk = BEGUN[name]()
    lost = [ref(desk.call.session), *(ref(one) for one in vars(desk.call.session).values() if is_part(one))]
    dies(desk)
    collect()
    assert len(lost) == 9
    assert [one() for one in lost if one() is not None] == []


def test_every_part_of_a_session_is_in_the_tables_as_such() -> None:
    """But for what is chosen as the call begins."""
    desk = greeted()
    inside = {"Session", *(type(one).__name__ for one in vars(desk.call.session).values() if is_part(one))}
    assert inside <= OF_THE_SESSION.keys()


def numbers_off(said: list[str]) -> list[str]:
    """The outputs without numbers that count through a call: legs, turns, marks and event ids."""
    return [re.sub(r"(?<=[A-Za-z_])\d+(\.\d+)?", "", one) for one in said]


@pytest.mark.parametrize("situation", AGAIN, ids=lambda one: one.__name__)
def test_a_third_session_is_asked_and_told_what_the_second_was(situation: Situation) -> None:
    """Three legs, the same in each: nothing of an earlier one shows in a later one."""
    desk = greeted()
    legs: list[list[str]] = []
    for leg in (1, 2, 3):
        begun = len(desk.outputs)
        situation(desk, leg)
        dies(desk)
        at = next(at for at in range(begun, len(desk.outputs)) if type(desk.outputs[at]) is Adopt)
        before = in_words(desk.outputs[begun:at])
        begun = len(desk.outputs)
        taken_over(desk)
        after = [one for one in in_words(desk.outputs[begun:]) if not one.startswith(("item", "append"))]
        legs.append([*numbers_off(before), "| taken over", *numbers_off(after)])
        at_rest(desk, leg)
    assert legs[1] == legs[2]


def test_three_legs_are_told_each_turn_once_and_in_order() -> None:
    desk = greeted()
    told: list[list[str]] = []
    for leg in (1, 2):
        desk.give(events.SpeechStarted(desk.call.session.appended.n_bytes // 8, f"U{leg}"), events.Committed(f"U{leg}"))
        desk.give(events.CallerTranscript(f"U{leg}", f"Question {leg}?"))
        at_rest(desk, leg)
        dies(desk)
        begun = len(desk.outputs)
        taken_over(desk)
        made = [one.item for one in desk.outputs[begun:] if type(one) is events.CreateItem]
        told.append([one["content"][0].get("text", "(sound)") for one in made[:-1]])
    answer = "one two three four"
    assert told[0] == ["Hello.", "Question 1?", answer]
    assert told[1] == ["Hello.", "Question 1?", answer, "Question 2?", answer]
