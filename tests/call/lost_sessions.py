"""Situations in which a session may be lost, each brought about in a call whose caller has been greeted, or not yet.

Ids end in the number of the leg, so that each can be brought about again with the session that takes over.
"""

from __future__ import annotations

from collections.abc import Callable

from bot.call.handoff.transfer import TRANSFER_CALL
from bot.call.inputs import (
    DailySpend,
    HandBack,
    Hint,
    OperatorAudio,
    Refused,
    SecretKey,
    TakeOver,
    ToolDone,
    TransferChecked,
)
from bot.call.machines import KeypadStage, StreamStage, TransferStage
from bot.call.session.failover import STEADY_US
from bot.call.settings import CallSettings, Money, SecretRules, ToolRules
from bot.call.states import State
from bot.realtime import events
from bot.realtime.session import END_CALL, SEND_DIGITS, SEND_DIGITS_TOOL, SessionSettings
from tests.call.priced_call import billed, goodbye, heard, purse
from tests.call.scripted_call import (
    MS,
    ScriptedCall,
    added,
    audio,
    audio_done,
    changed,
    committed,
    created,
    delta,
    done,
    echo,
    error,
    frame,
    function,
    item_done,
    pressed,
    speaks,
    start,
    stops,
    updated,
    words,
)

CAP = 100
SETTINGS = CallSettings(
    session=SessionSettings(transcription_model="gpt-4o-transcribe", tools=(SEND_DIGITS_TOOL,)),
    greeting="Hello.",
    filler_audio=audio(400),
    apology_audio=audio(600),
    idle_s=40,
    no_progress_s=300,
    destinations=("sales",),
    money=Money(daily_cap=CAP),
)


def frames(desk: ScriptedCall, ms: int) -> None:
    """Let so much of the caller's audio come, frame by frame."""
    first = desk.now_us // MS
    for at in range(first, first + ms, 20):
        desk.at(at).give(frame(at))
    desk.at(first + ms)


def said_ms(desk: ScriptedCall) -> int:
    """Milliseconds of the caller's audio that the session at hand was given."""
    return desk.call.session.appended.n_bytes // 8


def echoes(desk: ScriptedCall) -> None:
    """Every mark that is out comes back: all that was sent has been heard."""
    desk.at(max((desk.call.playout.ledger.end_us() or 0) / MS, desk.now_us / MS))
    desk.give(*(echo(one.name) for one in list(desk.call.playout.ledger._marks)))


def fresh(settings: CallSettings) -> ScriptedCall:
    """A call whose stream has started, and which has no session yet."""
    desk = ScriptedCall(settings, ready=False)
    desk.give(start())
    return desk


def opened() -> ScriptedCall:
    """The greeting has been asked for."""
    desk = ScriptedCall(SETTINGS)
    frames(desk, 200)
    return desk


def greeted() -> ScriptedCall:
    """The greeting has been heard, and nobody speaks; the turns are about to be the server's."""
    desk = opened()
    desk.give(created("R0"), words("R0", "G", "Hello."), delta("R0", "G", 600), audio_done("R0", "G"))
    desk.give(item_done("G"), done("R0"))
    frames(desk, 600)
    echoes(desk)
    assert desk.call.state is State.LISTENING
    return desk


def at_rest(desk: ScriptedCall, leg: int) -> ScriptedCall:
    """The session that took over has given whatever answer was owed, and nobody speaks for a while."""
    if desk.call._parts.keypad.keys:
        desk.at(desk.now_us / MS + 2_000).tick()
    if desk.call.state is State.HEARING:
        desk.give(stops())
    if desk.call.session.responses.awaited:
        spoken(desk, f"Rest{leg}", f"Rest{leg}")
        desk.give(done(f"Rest{leg}"))
    echoes(desk)
    desk.at(desk.now_us / MS + STEADY_US / MS).tick()
    assert desk.call.state is State.LISTENING
    return desk


def spoken(desk: ScriptedCall, response: str, item: str, ms: int = 800) -> None:
    desk.give(created(response), added(response, item), words(response, item, "one two three four"))
    desk.give(delta(response, item, ms), audio_done(response, item), item_done(item))


# ---- the situations ----

Situation = Callable[[ScriptedCall, int], None]


def nobody_speaks(desk: ScriptedCall, leg: int) -> None:
    frames(desk, 400)


def the_caller_speaks(desk: ScriptedCall, leg: int) -> None:
    desk.give(events.SpeechStarted(said_ms(desk), f"U{leg}"))
    frames(desk, 700)


def the_caller_has_stopped(desk: ScriptedCall, leg: int) -> None:
    the_caller_speaks(desk, leg)
    desk.give(events.SpeechStopped(said_ms(desk), f"U{leg}"))


def words_come_before_the_turn_is_over(desk: ScriptedCall, leg: int) -> None:
    the_caller_speaks(desk, leg)
    desk.give(events.CallerTranscriptGrows(f"U{leg}", "What is"))


def the_server_owes_an_answer(desk: ScriptedCall, leg: int) -> None:
    the_caller_has_stopped(desk, leg)
    frames(desk, 100)
    desk.give(committed(f"U{leg}"))


def the_server_owes_an_answer_and_owns_the_turns(desk: ScriptedCall, leg: int) -> None:
    desk.give(updated())
    assert desk.call.session.turn_ownership.server_acts
    the_server_owes_an_answer(desk, leg)


def the_server_has_begun_to_answer(desk: ScriptedCall, leg: int) -> None:
    the_server_owes_an_answer_and_owns_the_turns(desk, leg)
    desk.give(created(f"R{leg}"))


def the_turn_has_words(desk: ScriptedCall, leg: int) -> None:
    the_server_owes_an_answer(desk, leg)
    desk.give(events.CallerTranscript(f"U{leg}", "What is the time?"))


def an_answer_is_asked_for(desk: ScriptedCall, leg: int) -> None:
    desk.give(committed(f"V{leg}"))
    assert desk.call.session.responses.asked


def another_answer_is_in_the_way(desk: ScriptedCall, leg: int) -> None:
    an_answer_is_asked_for(desk, leg)
    desk.give(error("conversation_already_has_active_response", desk.call.session.responses.event_id))


def the_caller_speaks_over_what_was_asked_for(desk: ScriptedCall, leg: int) -> None:
    an_answer_is_asked_for(desk, leg)
    the_caller_speaks(desk, leg)


def an_answer_has_begun_in_words(desk: ScriptedCall, leg: int) -> None:
    an_answer_is_asked_for(desk, leg)
    desk.give(created(f"R{leg}"), added(f"R{leg}", f"A{leg}"), words(f"R{leg}", f"A{leg}", "It is"))


def an_answer_is_half_heard(desk: ScriptedCall, leg: int) -> None:
    an_answer_has_begun_in_words(desk, leg)
    desk.give(delta(f"R{leg}", f"A{leg}", 2_000))
    frames(desk, 900)


def a_turn_waits_behind_an_answer(desk: ScriptedCall, leg: int) -> None:
    an_answer_is_half_heard(desk, leg)
    desk.give(committed(f"W{leg}"))


def the_caller_cuts_in(desk: ScriptedCall, leg: int) -> None:
    an_answer_is_half_heard(desk, leg)
    desk.give(added(f"R{leg}", f"B{leg}"))
    the_caller_speaks(desk, leg)


def an_answer_is_whole_and_still_plays(desk: ScriptedCall, leg: int) -> None:
    an_answer_is_asked_for(desk, leg)
    spoken(desk, f"R{leg}", f"A{leg}", 3_000)
    desk.give(done(f"R{leg}"))
    frames(desk, 500)


def an_answer_is_overdue(desk: ScriptedCall, leg: int) -> None:
    """The session says this and that, and no word of the answer: the caller has heard a filler, and it is cancelled."""
    an_answer_is_asked_for(desk, leg)
    desk.give(created(f"R{leg}"))
    began_ms = desk.now_us // MS
    desk.at(began_ms + 100).give(events.RateLimits())
    for at in range(began_ms + 200, began_ms + 8_100, 100):
        desk.at(at).give(*([events.RateLimits()] if at == began_ms + 4_000 else []))
        desk.tick()
    assert desk.call.session.responses.cancelling


def it_has_failed_once(desk: ScriptedCall, leg: int) -> None:
    an_answer_is_asked_for(desk, leg)
    desk.give(created(f"R{leg}"), done(f"R{leg}", "failed"))


def the_bot_is_about_to_hang_up(desk: ScriptedCall, leg: int) -> None:
    desk.give(committed(f"U{leg}"), events.CallerTranscript(f"U{leg}", "Goodbye then."), created(f"R{leg}"))
    desk.give(added(f"R{leg}", f"A{leg}"), delta(f"R{leg}", f"A{leg}", 2_000))
    desk.give(function(f"R{leg}", END_CALL, f"call_{leg}"))
    assert desk.call._parts.floor.hang_up_asked


def a_transfer_is_promised(desk: ScriptedCall, leg: int) -> None:
    """The caller has been told twice that they are put through; the first time they spoke over it."""
    desk.give(committed(f"U{leg}"), events.CallerTranscript(f"U{leg}", "A person, please."), created(f"R{leg}"))
    asked = {"name": TRANSFER_CALL, "arguments": '{"destination": "sales"}', "status": "completed"}
    for call_id in (f"call_{leg}", f"again_{leg}"):
        item = events.Item(f"fn_{call_id}", "function_call", call_id=call_id, **asked)
        desk.give(events.OutputItemDone(f"R{leg}", item), done(f"R{leg}"))
        desk.give(TransferChecked(call_id), created(f"R{leg}{call_id}"))
        desk.give(added(f"R{leg}{call_id}", call_id), delta(f"R{leg}{call_id}", call_id, 2_000))
        if call_id.startswith("call"):
            desk.give(speaks(said_ms(desk)), stops(), committed(f"V{leg}"), done(f"R{leg}{call_id}", "cancelled"))
            desk.give(created(f"R{leg}"))
    assert desk.call._parts.floor.transfer_stage is TransferStage.LEAVING


def the_caller_is_silent_for_long(desk: ScriptedCall, leg: int) -> None:
    """A caller who has been asked whether they are still there."""
    began_ms = desk.now_us // MS
    for at in range(began_ms, began_ms + 40_100, 100):
        desk.at(at).tick()
    assert desk.call._parts.idle._prompts


def the_session_owes_the_end_of_a_response(desk: ScriptedCall, leg: int) -> None:
    an_answer_is_half_heard(desk, leg)
    desk.give(speaks(said_ms(desk)), stops(), committed(f"U{leg}"))
    assert desk.call.session.owes.end_us is not None


def the_caller_presses_keys(desk: ScriptedCall, leg: int) -> None:
    an_answer_is_half_heard(desk, leg)
    desk.give(pressed("4"), pressed("2"))
    frames(desk, 300)
    assert desk.call._parts.keypad.keys == "42"


def the_line_falls_silent(desk: ScriptedCall, leg: int) -> None:
    """The caller's audio stops coming in the middle of what they say, and silence stands for it."""
    the_caller_speaks(desk, leg)
    desk.at(desk.now_us / MS + 1_700).tick()
    assert desk.call.uplink.filled_bytes
    due_us = desk.call.deadline_us
    while desk.call.session.owes.over_us is None and due_us is not None:  # the end of what they said is listened for
        desk.at(due_us / MS).tick()
        due_us = desk.call.deadline_us
    assert desk.call.counts["sessions_lost"] == leg - 1


AGAIN: tuple[Situation, ...] = (
    nobody_speaks,
    the_caller_speaks,
    the_caller_has_stopped,
    words_come_before_the_turn_is_over,
    the_server_owes_an_answer,
    the_server_owes_an_answer_and_owns_the_turns,
    the_server_has_begun_to_answer,
    the_turn_has_words,
    an_answer_is_asked_for,
    another_answer_is_in_the_way,
    the_caller_speaks_over_what_was_asked_for,
    an_answer_has_begun_in_words,
    an_answer_is_half_heard,
    a_turn_waits_behind_an_answer,
    the_caller_cuts_in,
    an_answer_is_whole_and_still_plays,
    an_answer_is_overdue,
    it_has_failed_once,
    the_session_owes_the_end_of_a_response,
    the_caller_presses_keys,
    the_line_falls_silent,
)
"""Situations that begin in a call at rest, with any session."""


def transcoded() -> ScriptedCall:
    """The session speaks PCM, whatever it was asked for."""
    desk = ScriptedCall(SETTINGS, ready=False)
    side = events.AudioSide(events.Format("audio/pcm", 24_000))
    desk.give(start(), events.SessionCreated(), events.SessionUpdated(events.Session(audio=events.Audio(side, side))))
    return desk


def greeting_begun() -> ScriptedCall:
    desk = opened()
    desk.give(created("R0"), words("R0", "G", "Hello."))
    return desk


def greeting_half_heard() -> ScriptedCall:
    desk = greeting_begun()
    desk.give(delta("R0", "G", 2_000))
    frames(desk, 300)
    return desk


def spoken_before_the_greeting() -> ScriptedCall:
    desk = ScriptedCall(SETTINGS, ready=False)
    desk.give(start(), events.SessionCreated())
    frames(desk, 400)
    desk.give(updated(), speaks(0), stops(), committed("U"))
    return desk


def spoken_while_the_greeting_waits() -> ScriptedCall:
    """The greeting was refused for another response's sake; behind it an answer is owed."""
    desk = opened()
    desk.give(error("conversation_already_has_active_response", desk.call.session.responses.event_id), committed("U"))
    return desk


def spoken_over_the_greeting() -> ScriptedCall:
    desk = greeting_half_heard()
    the_caller_speaks(desk, 1)
    return desk


def told_to_wrap_up() -> ScriptedCall:
    desk = greeted()
    desk.give(DailySpend(CAP * 9 // 10))
    return desk


def closing_while_the_caller_speaks() -> ScriptedCall:
    desk = told_to_wrap_up()
    the_caller_speaks(desk, 1)
    desk.give(DailySpend(CAP))
    assert desk.call.goodbye.closing
    return desk


def goodbye_asked_for() -> ScriptedCall:
    desk = told_to_wrap_up()
    desk.give(DailySpend(CAP), updated())
    desk.tick()
    assert desk.call.goodbye._tries == 1
    return desk


def goodbye_spoken_over() -> ScriptedCall:
    """The goodbye before any of it was heard: it is to come after what the caller says."""
    desk = goodbye_asked_for()
    desk.give(goodbye("RG"))
    the_caller_speaks(desk, 1)
    assert desk.call.state is State.HEARING
    return desk


def goodbye_half_heard() -> ScriptedCall:
    desk = goodbye_asked_for()
    desk.give(goodbye("RG"), delta("RG", "Bye", 2_000))
    frames(desk, 500)
    return desk


def goodbye_whole() -> ScriptedCall:
    desk = goodbye_half_heard()
    desk.give(audio_done("RG", "Bye"), item_done("Bye"), done("RG"))
    return desk


def digits_are_keyed_in_for_a_tool() -> ScriptedCall:
    rules = ToolRules("pay", secret=SecretRules(most=4))
    desk = ScriptedCall(changed(SETTINGS, greeting="", tools=(rules,)))
    desk.at(200).give(updated(), created("R1"), function("R1", "pay", "call_1"), done("R1"))
    desk.at(300).give(SecretKey("call_1", "digit"))
    assert desk.call._parts.floor.keypad_stage is KeypadStage.HIDDEN
    return desk


def digits_are_sent() -> ScriptedCall:
    """The stream was left for them, and the next one is yet to come."""
    desk = greeted()
    desk.give(updated(), speaks(said_ms(desk)), stops(), committed("U0"))
    desk.give(created("R1"), function("R1", SEND_DIGITS, "call_1", '{"digits":"1w2#"}'), done("R1"))
    assert desk.call._parts.floor.stream_stage is StreamStage.AWAY
    return desk


def digits_were_sent() -> ScriptedCall:
    desk = digits_are_sent()
    desk.give(start(sid="MZ2"))
    desk.give(speaks(said_ms(desk)), stops(), committed("U1"))
    return desk


def an_operator_has_the_call() -> ScriptedCall:
    """For the second time; the caller speaks to them."""
    desk = greeted()
    frames(desk, 500)
    for leg in (1, 2):
        desk.give(TakeOver("Ada"), OperatorAudio(audio(20)))
        the_caller_speaks(desk, leg)
        desk.give(events.SpeechStopped(said_ms(desk), f"U{leg}"), committed(f"U{leg}"), OperatorAudio(audio(20)))
        frames(desk, 600)
        if leg == 1:
            desk.give(HandBack(), created("R1"), delta("R1", "A1", 2_000))
            frames(desk, 600)
    assert desk.call._parts.floor.taken_over
    return desk


def hanging_up() -> ScriptedCall:
    desk = greeted()
    the_bot_is_about_to_hang_up(desk, 1)
    return desk


def being_transferred() -> ScriptedCall:
    desk = greeted()
    a_transfer_is_promised(desk, 1)
    return desk


def a_tool_runs() -> ScriptedCall:
    """One of two tools that the model called has answered, the other runs."""
    desk = ScriptedCall(changed(SETTINGS, greeting="", tools=(ToolRules("book", once=True), ToolRules("look_up"))))
    desk.give(speaks(), stops(), committed("U1"), created("R1"))
    preamble = events.Item("P", "message", "assistant", phase="commentary")
    desk.give(events.OutputItemAdded("R1", preamble))
    desk.give(function("R1", "book", "call_1"), function("R1", "look_up", "call_2"), ToolDone("call_2", "{}"))
    return desk


def a_tool_waits_for_a_key() -> ScriptedCall:
    """The caller has been asked for it; beside it another tool runs, and they were told so."""
    rules = ToolRules("book", approval="key"), ToolRules("look_up", meanwhile="Just a moment.")
    desk = ScriptedCall(changed(SETTINGS, greeting="", tools=rules))
    desk.give(speaks(), stops(), committed("U1"), created("R1"))
    desk.give(function("R1", "look_up", "call_1"), function("R1", "book", "call_2"), done("R1"))
    spoken(desk, "R2", "A2")
    desk.give(done("R2"))
    echoes(desk)
    desk.tick()
    desk.at(desk.now_us / MS + 1_100).tick()
    assert desk.call.state is State.LISTENING
    return desk


def a_result_waits_for_the_caller_to_finish() -> ScriptedCall:
    desk = a_tool_runs()
    desk.give(done("R1"), speaks(), ToolDone("call_1", "{}"))
    return desk


def silent_for_long() -> ScriptedCall:
    desk = greeted()
    the_caller_is_silent_for_long(desk, 1)
    return desk


def announced() -> ScriptedCall:
    """The announcement has been heard, and the greeting has begun."""
    desk = ScriptedCall(changed(SETTINGS, announcement="RecordedPrompt.", announcement_audio=audio(500)))
    spoken(desk, "R0", "G", 3_000)
    frames(desk, 600)
    desk.give(echo("e0.0"), echo("e0.1"), echo("e0.2"))
    desk.give(speaks(said_ms(desk)), stops())
    assert desk.call.announced
    return desk


def greeting_from_a_recording() -> ScriptedCall:
    desk = ScriptedCall(changed(SETTINGS, greeting_audio=audio(900)))
    frames(desk, 400)
    return desk


def much_has_happened() -> ScriptedCall:
    """Money was spent, an operator gave a hint, turns were left without an answer, and the caller says the same over and over."""
    desk = ScriptedCall(
        changed(SETTINGS, session=SessionSettings(transcription_model="gpt-4o-transcribe"), money=purse().money)
    )
    spoken(desk, "R0", "G")
    desk.give(pressed("5"), pressed("#"))
    desk.give(Hint("Offer them the afternoon."))
    desk.give(billed("R0", 5), heard("Q", 3.0), Refused("phone>bot", "bad_json"))
    echoes(desk)
    for turn in range(3):
        desk.give(committed(f"P{turn}"), events.CallerTranscript(f"P{turn}", "press one for more"))
        desk.give(created(f"F{turn}"), done(f"F{turn}", "failed"))
    return desk


def hinted() -> ScriptedCall:
    """The operator has written to the model."""
    desk = greeted()
    desk.give(Hint("Offer them the afternoon."))
    return desk


ONCE: tuple[Callable[[], ScriptedCall], ...] = (
    transcoded,
    opened,
    greeting_begun,
    greeting_half_heard,
    spoken_before_the_greeting,
    spoken_while_the_greeting_waits,
    spoken_over_the_greeting,
    told_to_wrap_up,
    closing_while_the_caller_speaks,
    goodbye_spoken_over,
    goodbye_half_heard,
    goodbye_whole,
    digits_are_keyed_in_for_a_tool,
    digits_are_sent,
    digits_were_sent,
    an_operator_has_the_call,
    hanging_up,
    being_transferred,
    a_tool_runs,
    a_tool_waits_for_a_key,
    a_result_waits_for_the_caller_to_finish,
    silent_for_long,
    announced,
    greeting_from_a_recording,
    much_has_happened,
    hinted,
)
"""Whole calls so far."""
