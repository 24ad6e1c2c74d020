"""Tools, keys, a hang-up, a transfer, digits and a call that we make, where two of them meet, or a session is lost meanwhile."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.call.conversation import who_answered
from bot.call.conversation.opening import LONGEST_US
from bot.call.handoff import transfer
from bot.call.inputs import (
    AnswerVerdict,
    BeepHeard,
    Hint,
    ModelClosed,
    SecretKey,
    SessionWaiting,
    ToolDone,
    TransferChecked,
)
from bot.call.keys import secret_entry, send_digits
from bot.call.machines import AnswerStage, TransferStage
from bot.call.outputs import HideKeys, LeaveStream, RunTool, Transfer
from bot.call.settings import CallSettings, KeypadRules, SecretRules, Shortcut, ToolRules
from bot.realtime import events
from bot.realtime.session import END_CALL, SEND_DIGITS, SEND_DIGITS_TOOL, SessionSettings
from tests.call.conversation.test_who_answered import MESSAGE, SCREENING, VOICEMAIL, Line
from tests.call.conversation.test_who_answered import settings as outgoing
from tests.call.scripted_call import (
    MS,
    SESSION,
    ScriptedCall,
    added,
    audio,
    audio_done,
    changed,
    committed,
    created,
    delta,
    done,
    function,
    item_done,
    pressed,
    speaks,
    start,
    stops,
    updated,
)

TOOLS = (
    ToolRules("slow", timeout_s=30, meanwhile="filler"),
    ToolRules("pay", approval="key"),
    ToolRules("pin", secret=SecretRules()),
)
SETTINGS = CallSettings(
    session=SessionSettings(tools=(SEND_DIGITS_TOOL,)),
    filler_audio=audio(400),
    destinations=("sales",),
    tools=TOOLS,
    keypad=KeypadRules(
        shortcuts=(
            Shortcut("0", transfer.TRANSFER_CALL, '{"destination": "sales"}'),
            Shortcut("5", "slow"),
            Shortcut("7", "pay"),
        )
    ),
)
LOST = ModelClosed("closed", 1006)
SALES = '{"destination": "sales"}'


def asking(settings: CallSettings = SETTINGS) -> ScriptedCall:
    """The caller has said something, and the model begins to answer."""
    desk = ScriptedCall(settings)
    desk.at(100).give(speaks(), stops(), committed("U1"), events.CallerTranscript("U1", "Please."))
    desk.at(200).give(created("R1"))
    return desk


def outputs(desk: ScriptedCall) -> list[tuple[str, str]]:
    """Outputs of function calls, with their calls, in order."""
    items = [one.item for one in desk.sent(events.CreateItem) if one.item["type"] == "function_call_output"]
    return [(one["call_id"], json.loads(one["output"]).get("result", one["output"])) for one in items]


def items(said: list[str]) -> list[str]:
    return [one for one in said if one.startswith("item")]


def another(desk: ScriptedCall) -> list[str]:
    return desk.give(SessionWaiting(), events.SessionCreated(SESSION), updated())


# ---- a hang-up ----


def test_a_hang_up_that_is_asked_for_twice_has_two_outputs_when_the_caller_speaks() -> None:
    desk = asking()
    desk.give(function("R1", END_CALL, "call_1"), function("R1", END_CALL, "call_2"))
    desk.give(speaks())
    assert sorted(call_id for call_id, _ in outputs(desk)) == ["call_1", "call_2"]


def test_a_hang_up_of_a_lost_session_holds_back_nothing_that_a_tool_beside_it_brings() -> None:
    desk = asking()
    desk.give(events.AudioDelta("R1", "A", audio(3_000)))
    desk.give(function("R1", "slow", "call_1"), function("R1", END_CALL, "call_2"))
    desk.at(400).give(LOST, pressed("3"))
    another(desk)
    desk.at(3_000).tick()
    desk.reply("R2", A=200)
    desk.at(6_000).tick()
    desk.give(ToolDone("call_1", "{}"))
    desk.at(9_000).tick()
    assert [call_id for call_id, _ in outputs(desk)] == ["call_1"]
    assert not desk.call._parts.functions.owed


# ---- digits ----


def test_no_digits_are_sent_once_the_call_is_to_end() -> None:
    desk = asking()
    desk.give(function("R1", END_CALL, "call_1"), function("R1", SEND_DIGITS, "call_2", '{"digits": "1"}'), done("R1"))
    assert desk.call.ended == "bot_hung_up"
    assert not desk.sent(LeaveStream)


def test_no_digits_are_sent_once_the_caller_is_put_through() -> None:
    desk = asking()
    desk.give(function("R1", transfer.TRANSFER_CALL, "call_1", SALES))
    desk.give(function("R1", SEND_DIGITS, "call_2", '{"digits": "1"}'), done("R1"))
    desk.give(TransferChecked("call_1"))
    desk.at(20_000).tick()
    assert not desk.sent(LeaveStream)
    assert "call_2" in dict(outputs(desk))


# ---- keys ----


@pytest.mark.parametrize("key", ["0", "5", "7"])
def test_a_shortcut_before_the_session_is_ready_is_told_to_it_with_its_call(key: str) -> None:
    desk = ScriptedCall(SETTINGS, ready=False)
    desk.give(start())
    before = desk.at(100).give(pressed(key))
    before += desk.at(2_200).tick()
    assert not items(before), "there is no session to tell"
    said = items(desk.at(2_300).give(events.SessionCreated(SESSION), updated()))
    assert "item function_call keys_1_call" in said
    if key == "7":
        assert any("approval" in one for one in said)
    if key == "5":
        assert "item function_call_output keys_1_call" in desk.give(ToolDone("keys_1_call", "{}"))


def test_a_shortcut_whose_result_came_before_the_session_is_ready_is_told_with_it() -> None:
    desk = ScriptedCall(SETTINGS, ready=False)
    desk.give(start())
    desk.at(100).give(pressed("5"))
    desk.at(2_200).tick()
    desk.give(ToolDone("keys_1_call", "{}"))
    said = items(desk.at(2_300).give(events.SessionCreated(SESSION), updated()))
    assert said[-2:] == ["item function_call keys_1_call", "item function_call_output keys_1_call"]


def test_a_shortcut_to_a_tool_that_needs_approval_is_asked_about_by_the_next_session_once() -> None:
    desk = asking()
    desk.reply("R1", A=100)
    desk.at(1_000).give(LOST)
    said = desk.give(pressed("7"))
    said += desk.at(4_000).tick()
    assert not items(said)
    assert [one for one in another(desk) if "approval" in one] == ["item message approval_1"]


# ---- a transfer ----


@pytest.mark.parametrize("stage", [TransferStage.CHECKING, TransferStage.PROMISING, TransferStage.LEAVING])
def test_a_key_during_a_transfer_whose_session_is_lost_is_known_to_the_next_one(stage: TransferStage) -> None:
    desk = asking()
    desk.give(function("R1", transfer.TRANSFER_CALL, "call_1", SALES), done("R1"))
    if stage is not TransferStage.CHECKING:
        desk.at(300).give(TransferChecked("call_1"))
    if stage is TransferStage.LEAVING:
        desk.at(400).give(created("R2"), events.AudioDelta("R2", "A", audio(3_000)))
    assert desk.call._parts.floor.transfer_stage is stage
    desk.at(500).give(LOST)
    said = desk.at(600).give(pressed("3"))
    assert desk.call._parts.floor.transfer_stage is TransferStage.NONE
    assert not items(said), "there is no session to tell"
    begun = len(desk.outputs)
    another(desk)
    told = [json.dumps(one.item) for one in desk.outputs[begun:] if type(one) is events.CreateItem]
    assert sum("they were not transferred" in one for one in told) == 1


def test_what_is_said_while_a_tool_runs_is_not_taken_for_the_promise() -> None:
    tools = (ToolRules("slow", timeout_s=30, meanwhile="One moment."),)
    desk = asking(changed(SETTINGS, tools=tools))
    desk.give(function("R1", "slow", "call_1"), function("R1", transfer.TRANSFER_CALL, "call_2", SALES), done("R1"))
    desk.at(300).give(TransferChecked("call_2"))
    assert desk.at(1_400).tick()[-1].startswith("create")
    desk.give(created("R2"))
    assert desk.call._parts.floor.transfer_stage is TransferStage.PROMISING


# ---- approval ----


def test_what_is_said_while_another_tool_runs_is_not_taken_for_the_question_about_a_key() -> None:
    tools = (ToolRules("slow", timeout_s=30, meanwhile="One moment."), ToolRules("pay", approval="key"))
    desk = asking(changed(SETTINGS, tools=tools))
    desk.give(function("R1", "slow", "call_1"), done("R1"))
    assert desk.at(1_300).tick()[-1].startswith("create")
    desk.give(created("R2"))
    # the model calls the other one all the same, and is asked for the question behind this
    desk.give(function("R2", "pay", "call_2"), done("R2"))
    assert not desk.call._parts.approval.asked


@pytest.mark.parametrize("duplicates", ["allow", "refuse_arguments"])
@pytest.mark.parametrize("rules", [{"approval": "key"}, {"secret": SecretRules(most=1)}])
def test_a_tool_that_runs_once_a_call_waits_for_keys_once(rules: dict[str, Any], duplicates: Any) -> None:
    desk = asking(changed(SETTINGS, tools=(ToolRules("single", once=True, duplicates=duplicates, **rules),)))
    desk.give(function("R1", "single", "call_1"), function("R1", "single", "call_2", '{"other": 1}'), done("R1"))
    desk.reply("R2", A=500)
    for at_ms in (3_000, 6_000):
        desk.at(at_ms).give(pressed("1"), SecretKey("call_1", "digit"), SecretKey("call_2", "digit"))
    assert [one.call_id for one in desk.sent(RunTool)] == ["call_1"]
    assert [call_id for call_id, _ in outputs(desk)] == ["call_2"]


# ---- a call that we make ----


class Dialled(Line):
    """The model calls a function as it makes the greeting, ahead of anybody who could hear it."""

    def __init__(self, called: events.OutputItemDone, *, message: str = "") -> None:
        session = SessionSettings(transcription_model="gpt-transcribe", tools=(SEND_DIGITS_TOOL,))
        self._called = called
        super().__init__(changed(outgoing(message=message), session=session, tools=TOOLS))

    def reply(self, response: str, **items: int) -> list[str]:
        if response != "R0":
            return super().reply(response, **items)
        out = self.give(created("R0"), added("R0", "G"), delta("R0", "G", items["G"]), audio_done("R0", "G"))
        return out + self.give(item_done("G"), self._called, done("R0"))

    @property
    def answered(self) -> AnswerStage:
        return self.call._parts.floor.answer_stage


def test_no_digits_are_sent_before_anybody_has_answered() -> None:
    desk = Dialled(function("R0", SEND_DIGITS, "call_1", '{"digits": "1"}'))
    desk.until(14_000)
    assert not desk.sent(LeaveStream)
    assert outputs(desk)[0] == ("call_1", send_digits.UNDER_WAY)


def test_a_result_that_comes_while_a_screening_decides_waits_for_a_person() -> None:
    desk = Dialled(function("R0", "slow"))
    desk.says(SCREENING, 500, 3_000).until(6_000)
    assert desk.answered is AnswerStage.SCREENED
    begun = len(desk.played)
    assert "create" not in desk.give(ToolDone("call_1", "{}"))
    desk.give(events.ItemAdded(events.Item("O", "function_call_output", call_id="call_1")))
    desk.until(12_000)
    assert desk.played[begun:] == []
    desk.says("Hello, this is Jane.", 12_100, 13_000).until(15_000)
    assert len(desk.sent(events.CreateResponse)) == 3  # the greeting, who is calling, and one for the person


def test_a_result_that_comes_while_a_screening_is_answered_makes_no_second_answer() -> None:
    desk = Dialled(function("R0", "slow"))
    desk.says(SCREENING, 500, 3_000).until(4_200)
    assert desk.call.playout.has_floor(desk.now_us)
    assert "create" not in desk.give(ToolDone("call_1", "{}"))
    assert desk.answered is AnswerStage.SCREENING


@pytest.mark.parametrize("message", ["", MESSAGE])
def test_a_voicemail_that_was_taken_for_a_person_hears_nothing_of_a_result(message: str) -> None:
    desk = Dialled(function("R0", "slow"), message=message)
    desk.says("Hello.", 500, 1_500).until(3_200)
    assert desk.answered is AnswerStage.PERSON
    desk.at(3_300).give(events.SpeechStarted(3_300, "U2"), events.CallerTranscript("U1", VOICEMAIL))
    assert desk.answered is AnswerStage.MACHINE
    begun = len(desk.played)
    desk.give(ToolDone("call_1", "{}"))
    desk.until(9_000)
    assert desk.played[begun:] == []
    assert "filler_played" not in desk.call.counts


@pytest.mark.parametrize("verdict", ["machine_start", None])
def test_nobody_hears_a_filler_before_a_person_has_answered(verdict: Any) -> None:
    desk = Dialled(function("R0", "slow"))
    if verdict:
        desk.at(500).give(AnswerVerdict(verdict))
    desk.until(4_500)
    assert desk.played == []
    assert "filler_played" not in desk.call.counts


def test_a_key_that_a_machine_sends_asks_for_no_answer_over_its_greeting() -> None:
    desk = Dialled(function("R0", "slow"))
    desk.at(500).give(AnswerVerdict("machine_start"))
    before = len(desk.sent(events.CreateResponse))
    desk.at(700).give(pressed("1"))
    desk.until(6_000)
    assert len(desk.sent(events.CreateResponse)) == before


def test_a_person_who_comes_behind_a_screening_while_no_session_is_there_is_known_to_the_next_one() -> None:
    desk = Dialled(function("R0", "slow"))
    desk.give(ToolDone("call_1", "{}", respond=False))
    desk.says(SCREENING, 500, 3_000).until(6_000)
    desk.at(7_000).give(events.SpeechStarted(7_000, "U2"))
    desk.at(7_600).give(events.SpeechStopped(7_600, "U2"), committed("U2"), LOST)
    begun = len(desk.outputs)
    while desk.answered is AnswerStage.SCREENED:
        desk.until(desk.now_us / MS + 500)
        desk.at(desk.now_us / MS + 500)
    told = [one for one in desk.outputs[begun:] if isinstance(one, events.CreateItem)]
    assert told == [], "there is no session to tell"
    assert f"item message {who_answered.SCREENED_ITEM}" in another(desk)


def test_no_keys_are_hidden_for_a_tool_before_a_person_has_answered() -> None:
    desk = ScriptedCall(changed(outgoing(), tools=TOOLS))
    desk.give(created("R0"), added("R0", "G"), delta("R0", "G", 1_000), function("R0", "pin"))
    assert not desk.sent(HideKeys)
    assert outputs(desk) == [("call_1", secret_entry.NOT_NOW)]


def test_a_greeting_that_waits_while_words_of_the_callee_are_due_is_not_due_for_ever() -> None:
    desk = Line(outgoing(response_s=0))
    desk.give(AnswerVerdict("unknown"))
    desk.at(100).give(events.SpeechStarted(100, "U1"))
    desk.at(700).give(events.SpeechStopped(600, "U1"), committed("U1"))
    desk.at(800).give(events.SpeechStarted(800, "U2"))
    for _ in range(400):
        desk.at(max(desk.call.deadline_us or 0, desk.now_us) / MS).tick()
    assert desk.now_us >= LONGEST_US
    assert desk.call.deadline_us is None or desk.call.deadline_us > desk.now_us


# ---- keys for a tool ----


def test_a_greeting_that_asks_for_keys_is_heard_though_they_are_waited_for() -> None:
    desk = ScriptedCall(changed(SETTINGS, greeting="Hello. Your PIN, please."))
    desk.at(200).give(created("R0"), added("R0", "G"), delta("R0", "G", 400))
    desk.at(300).give(function("R0", "pin"))
    assert not [one for one in desk.at(400).give(delta("R0", "G", 2_000)) if one == "clear"]
    assert not desk.call.playout.paused
    assert len(desk.heard_by_phone()) == 2_400 * 8


# ---- a recording ----


def test_a_recorded_greeting_that_a_key_cuts_before_the_session_is_ready_is_told_as_it_was_heard() -> None:
    desk = ScriptedCall(
        changed(SETTINGS, greeting="Hello and welcome to Acme, how can I help?", greeting_audio=audio(4_000)),
        ready=False,
    )
    desk.give(start())
    said = desk.at(2_000).give(pressed("3"))
    assert not [one for one in said if one.startswith(("item", "delete"))], "there is no session to tell"
    begun = len(desk.outputs)
    desk.at(2_500).give(events.SessionCreated(SESSION), updated())
    told = [one.item["content"][0]["text"] for one in desk.outputs[begun:] if type(one) is events.CreateItem]
    assert told[0] == "Hello and welcome to"


# ---- hints ----


def test_a_hint_before_the_session_is_ready_is_told_once_it_is_and_to_each_one_after_it() -> None:
    desk = ScriptedCall(SETTINGS, ready=False)
    assert desk.give(start(), Hint("Offer them the afternoon.")) == []
    assert items(desk.give(events.SessionCreated(SESSION), updated())) == ["item message operator_hint_0"]
    desk.at(100).give(Hint("Or the evening."))
    desk.at(200).give(speaks(), stops(), committed("U1"), events.CallerTranscript("U1", "Please."), LOST)
    assert items(another(desk))[-2:] == ["item message operator_hint_0", "item message operator_hint_1"]


@pytest.mark.parametrize("stage", [TransferStage.CHECKING, TransferStage.PROMISING, TransferStage.LEAVING])
def test_a_voicemail_that_was_taken_for_a_person_is_put_through_to_nobody(stage: TransferStage) -> None:
    desk = Line(changed(outgoing(), destinations=("sales",), tools=TOOLS))
    desk.says("Hello.", 500, 1_500).until(3_200)
    assert desk.call._parts.floor.answer_stage is AnswerStage.PERSON
    desk.until(6_000).give(created("R9"), function("R9", transfer.TRANSFER_CALL, "call_1", SALES), done("R9"))
    if stage is not TransferStage.CHECKING:
        desk.at(6_100).give(TransferChecked("call_1"))
    if stage is TransferStage.LEAVING:
        desk.at(6_200).give(created("R10"), delta("R10", "B", 3_000))
    assert desk.call._parts.floor.transfer_stage is stage
    desk.at(6_300).give(BeepHeard(1_000, 300))
    desk.until(30_000)
    assert not desk.sent(Transfer)
    assert desk.call.ended == "bot_hung_up"
