"""TwiML on one call: each verb, an update in its middle, streams, and documents that can't be used."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest
from aiohttp import web

from bot.testing.agent import pattern
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.handset.script import BotSilent, Say, Script, Step
from bot.testing.twilio.calls.person import HangsUp, Person, Presses, Speaks, call_screening, fax, voicemail
from bot.testing.twilio.verbs.follower import APPLICATION_ERROR
from bot.twilio.rest import RestError
from tests.testing.twilio.small_bot import CALLER, HANG_UP, HUMAN, OURS, SmallBot, heard, on_the_phone, until

STREAM = (
    '<Response><Connect action="/after"><Stream url="{ws}/media" statusCallback="/stream"/></Connect>'
    "<Say>fell through</Say></Response>"
)


def inside(verbs: str) -> str:
    return f"<Response>{verbs}</Response>"


async def _greets(socket: web.WebSocketResponse, start: dict[str, Any]) -> None:
    payload = base64.b64encode(pattern(400, "greeting")).decode()
    await socket.send_json({"event": "media", "streamSid": start["streamSid"], "media": {"payload": payload}})


async def call_with(bot: SmallBot, person: Person | None = None, **knobs: Any) -> list[str]:
    """What the caller hears of a call to the bot."""
    async with on_the_phone(bot, **knobs) as (twilio, _):
        call = twilio.call_in(CALLER, person=person or Person())
        await call.until_over()
        assert twilio.alerts == []
        return heard(call)


# ---- verbs ----


async def test_what_is_said_and_played_is_heard_in_its_order_and_length() -> None:
    verbs = '<Say loop="2">Hello there.</Say><Play>/tone.mp3</Play><Pause length="2"/><Play digits="ww12w#"/>'
    bot = SmallBot(voice=inside(verbs))
    async with on_the_phone(bot) as (twilio, _):
        call = twilio.call_in(CALLER)
        await call.until_over()
        lines = heard(call)
        assert lines == ["say: Hello there.", "say: Hello there.", f"play: {bot.origin}/tone.mp3", "keys: 12#"]
        file, keys = call.ears.heard[2:]
        assert file.until_us is not None
        assert keys.from_us - file.until_us >= 2 * 0.02 * 1e6  # the pause, at the network's pace
        assert call.said == ["Hello there."]
        assert twilio.timeline()[0].endswith(f"{CALLER}: say: Hello there.")


async def test_keys_are_gathered_and_cut_what_is_being_said() -> None:
    gather = inside('<Gather numDigits="4" action="/digits"><Say>Please key in your number.</Say></Gather>')
    bot = SmallBot(voice=gather, digits=HANG_UP)
    lines = await call_with(bot, Person(does=(Presses(after="key in", digits="12"), Presses(in_s=1.0, digits="34"))))
    assert lines == ["say: Please key in your number."]
    assert bot.asked("/digits")[0]["Digits"] == "1234"


@pytest.mark.parametrize(
    ("pressed", "attributes", "fields"),
    [
        ("12#", "", {"Digits": "12", "FinishedOnKey": "#"}),
        ("12", "", {"Digits": "12"}),  # after the timeout
        ("1*", 'finishOnKey="*"', {"Digits": "1", "FinishedOnKey": "*"}),
        ("", 'actionOnEmptyResult="true"', {"Digits": ""}),
    ],
)
async def test_the_ends_of_gathering(pressed: str, attributes: str, fields: dict[str, str]) -> None:
    bot = SmallBot(voice=inside(f'<Gather action="/digits" {attributes}/>'), digits=HANG_UP)
    await call_with(bot, Person(does=(Presses(digits=pressed, in_s=0.5),)))
    form = bot.asked("/digits")[0]
    assert {name: form.get(name) for name in fields} == fields
    assert ("FinishedOnKey" in form) == ("FinishedOnKey" in fields)


async def test_no_key_at_all_leads_to_the_next_verb() -> None:
    bot = SmallBot(voice=inside('<Gather action="/digits"/><Say>Nothing came.</Say>'))
    assert await call_with(bot) == ["say: Nothing came."]
    assert bot.asked("/digits") == []


@pytest.mark.parametrize("end", ["silence", "key", "hang-up"])
async def test_a_message_is_recorded_until_its_end(end: str) -> None:
    acts = {"silence": (), "key": (Presses(digits="#"),), "hang-up": (HangsUp(),)}
    words = (Speaks(after="beep", text="It is me.", seconds=3.0), Speaks(text="Call me.", seconds=2.0, in_s=1.0))
    bot = SmallBot(voice=inside('<Record action="/recorded" timeout="5"/><Say>not now</Say>'), recorded=HANG_UP)
    async with on_the_phone(bot) as (twilio, _):
        call = twilio.call_in(CALLER, person=Person(does=(*words, *acts[end])))
        await call.until_over()
        assert call.recordings[0].words == ("It is me.", "Call me.")
        assert heard(call) == ["beep"]
    (form,) = bot.asked("/recorded")
    assert form["RecordingDuration"] == "5"
    assert form["Digits"] == {"silence": "", "key": "#", "hang-up": "hangup"}[end]
    assert form["RecordingUrl"].endswith(form["RecordingSid"])


async def test_nothing_recorded_leads_to_the_next_verb() -> None:
    bot = SmallBot(voice=inside('<Record action="/recorded" playBeep="false"/><Say>Nobody spoke.</Say>'))
    assert await call_with(bot) == ["say: Nobody spoke."]
    assert bot.asked("/recorded") == []


async def test_a_redirect_is_followed_and_a_rejected_call_was_never_answered() -> None:
    bot = SmallBot(
        voice=inside("<Redirect>/elsewhere</Redirect><Say>never</Say>"), elsewhere=inside("<Say>Here.</Say>")
    )
    assert await call_with(bot) == ["say: Here."]
    assert bot.asked("/elsewhere")[0]["CallStatus"] == "in-progress"
    bot = SmallBot(voice=inside('<Reject reason="busy"/>'))
    assert await call_with(bot) == ["busy tone"]
    assert bot.asked("/status")[0]["CallStatus"] == "busy"


# ---- what can't be used ----


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("<Response>", 12100),
        ("<Answer/>", 12102),
        (inside("<Enqueue>line</Enqueue>"), 12200),
        (inside("<Connect/>"), 12200),
        (inside('<Pause length="long"/>'), 12200),
        (inside('<Play digits="12x"/>'), 13410),
        (inside("<Play/>"), 13420),
        (inside("<Dial><Client>me</Client></Dial>"), 12200),
        (inside("<Dial><Conference/></Dial>"), 13253),
        (inside("<Redirect>/voice</Redirect>"), 11215),
        (inside(f'<Connect><Stream url="/media"><Parameter name="x" value="{"y" * 499}"/></Stream></Connect>'), 12200),
    ],
)
async def test_a_document_that_can_t_be_used_ends_the_call_with_a_sentence(document: str, code: int) -> None:
    async with on_the_phone(SmallBot(voice=document)) as (twilio, _):
        call = twilio.call_in(CALLER)
        await call.until_over()
        assert ([alert.code for alert in twilio.alerts], call.ending) == ([code], "failed")
        assert heard(call)[-1] == f"say: {APPLICATION_ERROR}"


async def test_an_unknown_attribute_is_a_warning() -> None:
    async with on_the_phone(SmallBot(voice=inside('<Say speed="fast">Hello.</Say>'))) as (twilio, _):
        call = twilio.call_in(CALLER)
        await call.until_over()
        assert [(alert.code, alert.call_sid) for alert in twilio.alerts] == [(12200, call.sid)]
        assert heard(call) == ["say: Hello."]


async def test_the_fallback_url_is_asked_in_place_of_a_broken_document() -> None:
    bot = SmallBot(broken="<Response>", fallback=inside("<Say>Sorry.</Say>"))
    async with on_the_phone(bot, people={HUMAN: Person(0.5)}) as (twilio, rest):
        made = await rest.create_call(
            to=HUMAN, from_=OURS, url=f"{bot.origin}/broken", fallback_url=f"{bot.origin}/fallback"
        )
        call = twilio.calls[made.sid]
        await call.until_over()
        assert heard(call) == ["say: Sorry."]
    form = bot.asked("/fallback")[0]
    assert (form["ErrorCode"], form["ErrorUrl"]) == ("12100", f"{bot.origin}/broken")


# ---- streams and updates ----


async def test_a_stream_is_heard_and_an_update_ends_it_with_stop() -> None:
    bot = SmallBot(voice=STREAM, after=HANG_UP)
    bot.talk = _greets
    async with on_the_phone(bot) as (twilio, rest):
        call = twilio.call_in(CALLER)
        await until(call, lambda: "bot" in heard(call))
        await rest.update_call(call.sid, twiml=inside('<Play digits="1"/><Redirect>/voice</Redirect>'))
        await until(call, lambda: len(call.legs) == 2 and call.legs[1].opened_us)
        assert (call.legs[0].phone.ended_by, call.legs[0].close_code) == ("twilio", 1000)
        assert bot.events[:4] == ["connected", "start", "stop", "closed"]
        await until(call, lambda: heard(call).count("bot") == 2)
        assert [str(one) for one in call.ears.heard] == ["bot", "keys: 1", "bot"]
        await rest.hang_up(call.sid)
        await call.until_over()
        assert call.ending == "caller_hung_up"
        assert bot.events[-2:] == ["stop", "closed"]
    told = [form["StreamEvent"] for form in bot.asked("/stream")]
    assert told == ["stream-started", "stream-started", "stream-stopped"]  # of the one that was torn down nothing
    # The update is the only thing that was asked of the first stream's action; the end by REST asks it once more.
    assert [form["CallStatus"] for form in bot.asked("/after")] == ["completed"]


async def test_the_person_speaks_presses_and_hangs_up_in_a_stream() -> None:
    acts = (
        Speaks(after="bot", text="Hi", audio=pattern(100, "hi")),
        Presses(digits="5"),
        HangsUp(in_s=1.0),
    )
    bot = SmallBot(voice=STREAM, after=HANG_UP)
    bot.talk = _greets
    async with on_the_phone(bot) as (twilio, _):
        call = twilio.call_in(CALLER, person=Person(does=acts))
        await call.until_over()
        phone = call.legs[0].phone
        assert pattern(100, "hi") in b"".join(frame.audio for frame in phone.sent_frames)
        assert (phone.ended_by, call.hung_up_by) == ("phone", "party")
    assert [event for event in bot.events if event != "connected"] == ["start", "dtmf5", "stop", "closed"]


async def test_the_phone_of_a_stream_may_have_a_script_of_its_own() -> None:
    said = pattern(60, "yes")

    def phone(ids: Any) -> SimulatedPhone:
        return SimulatedPhone(ids, script=Script([Step(BotSilent(100), Say(said))]))

    bot = SmallBot(voice=STREAM)
    bot.talk = _greets
    async with on_the_phone(bot) as (twilio, _):
        call = twilio.call_in(CALLER, person=Person(phones=phone))
        await until(call, lambda: call.legs and said in b"".join(one.audio for one in call.legs[0].phone.sent_frames))


async def test_a_stream_that_is_refused_falls_through() -> None:
    bot = SmallBot(voice=STREAM.replace("/media", "/nowhere"))
    async with on_the_phone(bot) as (twilio, _):
        call = twilio.call_in(CALLER)
        await call.until_over()
        assert heard(call) == ["say: fell through"]
        assert [alert.code for alert in twilio.alerts] == [31920]
    assert [form["StreamEvent"] for form in bot.asked("/stream")] == ["stream-error"]


@pytest.mark.parametrize(
    "verb",
    [
        '<Pause length="900"/>',
        '<Say loop="0">On and on.</Say>',
        '<Gather timeout="900"/>',
        '<Record timeout="900"/>',
        f'<Dial timeout="600">{HUMAN}</Dial>',
        "<Dial><Conference>room</Conference></Dial>",
    ],
)
async def test_an_update_interrupts_every_verb(verb: str) -> None:
    async with on_the_phone(SmallBot(voice=inside(verb)), people={HUMAN: Person(None)}) as (twilio, rest):
        call = twilio.call_in(CALLER)
        await until(call, lambda: call.answered_us)
        await rest.update_call(call.sid, twiml=inside("<Say>Something else.</Say>"))
        await call.until_over()
        assert heard(call)[-1] == "say: Something else."


async def test_a_call_that_is_not_up_or_is_over_takes_no_document() -> None:
    async with on_the_phone(SmallBot(), people={HUMAN: Person(None)}) as (twilio, rest):
        made = await rest.create_call(to=HUMAN, from_=OURS, twiml=HANG_UP)
        with pytest.raises(RestError) as caught:
            await rest.update_call(made.sid, twiml=HANG_UP)
        assert caught.value.code == 21220
        await rest.update_call(made.sid, status="canceled")
        await twilio.calls[made.sid].until_over()
        assert (await rest.fetch_call(made.sid)).status == "canceled"
        with pytest.raises(RestError) as caught:
            await rest.update_call(made.sid, status="completed")
        assert caught.value.over


# ---- calls out ----


async def test_the_progress_of_a_call_out_is_told_and_its_url_is_asked_once_it_is_answered() -> None:
    bot = SmallBot(out=inside("<Say>Good day.</Say>"))
    async with on_the_phone(bot, people={HUMAN: Person(2.0)}) as (twilio, rest):
        made = await rest.create_call(
            to=HUMAN,
            from_=OURS,
            url=f"{bot.origin}/out",
            status_callback=f"{bot.origin}/progress",
            status_callback_events=["initiated", "ringing", "answered", "completed"],
            send_digits="ww12",
        )
        assert made.status == "queued"
        call = twilio.calls[made.sid]
        await call.until_over()
        assert heard(call) == ["keys: 12", "say: Good day."]
    told = bot.asked("/progress")
    assert [form["CallStatus"] for form in told] == ["queued", "ringing", "in-progress", "completed"]
    assert {form["CallbackSource"] for form in told} == {"call-progress-events"}
    assert (told[-1]["SipResponseCode"], int(told[-1]["CallDuration"]) > 0) == ("200", True)
    (form,) = bot.asked("/out")
    assert (form["Direction"], form["From"], form["To"], form["CallStatus"]) == (
        "outbound-api", OURS, HUMAN, "in-progress",
    )  # fmt: skip
    assert "StirVerstat" not in form


@pytest.mark.parametrize(
    ("delivery", "numbers"),
    [("in order", "0123"), ("swapped", "1032"), ("twice", "00112233")],
)
async def test_status_callbacks_may_come_in_another_order_and_twice(delivery: Any, numbers: str) -> None:
    bot = SmallBot()
    async with on_the_phone(bot, delivery=delivery, people={HUMAN: Person(0.5)}) as (twilio, rest):
        made = await rest.create_call(
            to=HUMAN,
            from_=OURS,
            twiml=HANG_UP,
            status_callback=f"{bot.origin}/progress",
            status_callback_events=["initiated", "ringing", "answered", "completed"],
        )
        await twilio.calls[made.sid].until_over()
    told = bot.asked("/progress")
    assert "".join(form["SequenceNumber"] for form in told) == numbers
    statuses = {form["SequenceNumber"]: form["CallStatus"] for form in told}
    assert [statuses[number] for number in "0123"] == ["queued", "ringing", "in-progress", "completed"]


@pytest.mark.parametrize(
    ("person", "mode", "verdict"),
    [
        (Person(0.5, does=(Speaks(text="Hello?", in_s=0.3),)), "Enable", "human"),
        (Person(0.5), "Enable", "unknown"),
        (voicemail(), "Enable", "machine_start"),
        (voicemail(), "DetectMessageEnd", "machine_end_beep"),
        (voicemail(beeps=False), "DetectMessageEnd", "machine_end_silence"),
        (voicemail(greeting_s=50.0), "DetectMessageEnd", "unknown"),  # after its timeout
        (fax(), "DetectMessageEnd", "fax"),
        (Person(0.5, verdict="machine_start"), "Enable", "machine_start"),  # one in ten is wrong
    ],
)
async def test_who_answered_is_told_at_once_or_beside_the_call(person: Person, mode: Any, verdict: str) -> None:
    bot = SmallBot(out=inside('<Pause length="40"/>'))
    async with on_the_phone(bot, people={HUMAN: person}) as (twilio, rest):
        blocking = await rest.create_call(to=HUMAN, from_=OURS, url=f"{bot.origin}/out", machine_detection=mode)
        beside = await rest.create_call(
            to=HUMAN,
            from_=OURS,
            url=f"{bot.origin}/out",
            machine_detection=mode,
            async_amd=True,
            async_amd_callback=f"{bot.origin}/amd",
        )
        for sid in (blocking.sid, beside.sid):
            await twilio.calls[sid].until_over()
        assert (await rest.fetch_call(blocking.sid)).answered_by == verdict
    by_sid = {form["CallSid"]: form for form in bot.asked("/out")}
    assert by_sid[blocking.sid]["AnsweredBy"] == verdict
    assert "AnsweredBy" not in by_sid[beside.sid]
    (form,) = bot.asked("/amd")
    assert (form["CallSid"], form["AnsweredBy"]) == (beside.sid, verdict)
    assert int(form["MachineDetectionDuration"]) > 0


async def test_a_call_screen_asks_and_the_callee_comes_after_the_answer() -> None:
    bot = SmallBot(out=STREAM)

    async def answer(socket: web.WebSocketResponse, start: dict[str, Any]) -> None:
        await asyncio.sleep(0.05)
        await _greets(socket, start)

    bot.talk = answer
    person = call_screening("Who is calling?", Speaks(text="Hello?"), HangsUp(in_s=1.0))
    async with on_the_phone(bot, people={HUMAN: person}) as (twilio, rest):
        made = await rest.create_call(to=HUMAN, from_=OURS, url=f"{bot.origin}/out")
        call = twilio.calls[made.sid]
        await call.until_over()
        assert [text for _, text, _ in call.spoken] == ["Who is calling?", "Thank you.", "Hello?"]
        (greeting,) = [one for one in call.ears.heard if one.kind == "bot"]
        assert greeting.until_us is not None
        assert call.spoken[1][0] > greeting.until_us  # nothing over the bot's words


async def test_a_voicemail_hears_after_its_tone_what_is_said_then() -> None:
    bot = SmallBot(out=inside('<Pause length="7"/><Say>Please call us back.</Say>'))
    async with on_the_phone(bot, people={HUMAN: voicemail(greeting_s=3.0)}) as (twilio, rest):
        made = await rest.create_call(to=HUMAN, from_=OURS, url=f"{bot.origin}/out", time_limit_s=60)
        call = twilio.calls[made.sid]
        await call.until_over()
        assert (call.status, heard(call)) == ("completed", ["say: Please call us back."])


async def test_a_time_limit_ends_the_call() -> None:
    bot = SmallBot(out=inside('<Pause length="900"/>'))
    async with on_the_phone(bot, people={HUMAN: Person(0.5)}) as (twilio, rest):
        made = await rest.create_call(to=HUMAN, from_=OURS, url=f"{bot.origin}/out", time_limit_s=5)
        call = twilio.calls[made.sid]
        await call.until_over()
        assert (call.hung_up_by, call.status) == ("twilio", "completed")


async def test_a_caller_s_number_is_kept_by_their_token_only_while_they_are_there() -> None:
    bot = SmallBot(voice=inside('<Pause length="900"/>'))
    async with on_the_phone(bot, people={HUMAN: Person(0.5)}) as (twilio, rest):
        call = twilio.call_in(CALLER)
        await until(call, lambda: call.answered_us)
        token = bot.asked("/voice")[0]["CallToken"]
        with pytest.raises(RestError) as caught:
            await rest.create_call(to=HUMAN, from_=CALLER, twiml=HANG_UP)
        assert caught.value.code == 21210
        with pytest.raises(RestError) as caught:
            await rest.create_call(to=HUMAN, from_=CALLER, twiml=HANG_UP, call_token="another's")
        assert caught.value.code == 21212
        made = await rest.create_call(to=HUMAN, from_=CALLER, twiml=HANG_UP, call_token=token)
        assert twilio.calls[made.sid].from_ == CALLER
        call.hang_up("party")
        await call.until_over()
        with pytest.raises(RestError) as caught:
            await rest.create_call(to=HUMAN, from_=CALLER, twiml=HANG_UP, call_token=token)
        assert caught.value.code == 21212
