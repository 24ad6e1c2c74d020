"""A call that is put through: who hears what, and what the bot is told, by what the other party does."""

from __future__ import annotations

from typing import Any

import pytest

from bot.testing.twilio.calls.person import (
    HangsUp,
    Person,
    Presses,
    Speaks,
    accepts,
    answers,
    declines,
    does_not_answer,
    is_busy,
    voicemail,
)
from tests.testing.twilio.small_bot import CALLER, HANG_UP, HUMAN, OTHER, OURS, SmallBot, heard, on_the_phone, until

DIAL = (
    '<Response><Say>One moment.</Say><Dial action="/dialled" timeout="20" answerOnBridge="true">'
    f'<Number url="/whisper" statusCallback="/child" statusCallbackEvent="initiated ringing answered completed">{HUMAN}'
    "</Number></Dial><Say>never said</Say></Response>"
)
WHISPER = (
    '<Response><Gather numDigits="1" action="/key" timeout="10"><Say>Press one to talk.</Say></Gather>'
    "<Hangup/></Response>"
)
BACK = "<Response><Say>Here I am again.</Say><Hangup/></Response>"


def a_bot(**documents: str) -> SmallBot:
    return SmallBot(**{"voice": DIAL, "whisper": WHISPER, "key": "<Response/>", "dialled": BACK} | documents)


async def test_a_human_who_presses_the_key_is_put_through_and_both_hear_each_other() -> None:
    bot = a_bot()
    human = accepts("1", Speaks(text="I can help.", seconds=1.0, in_s=0.5), HangsUp(in_s=2.0))
    caller = Person(does=(Speaks(text="Thanks!", after="I can help", in_s=1.5),))
    async with on_the_phone(bot, people={HUMAN: human}) as (twilio, _):
        call = twilio.call_in(CALLER, person=caller)
        await call.until_over()
        child = twilio.leg_to(HUMAN)
        assert heard(call) == ["say: One moment.", "ringing", "voice: I can help.", "say: Here I am again."]
        assert heard(child) == ["say: Press one to talk.", "voice: Thanks!"]
        # The ringing lasts until both are connected: the caller hears nothing of the whisper, nor silence in its place.
        ringing, voice = call.ears.heard[1:3]
        assert ringing.until_us is not None
        assert child.ears.heard[0].from_us < ringing.until_us <= voice.from_us
        assert child.ears.heard[0].until_us is not None
        assert child.answered_us is not None
    (form,) = bot.asked("/dialled")
    assert (form["DialCallStatus"], form["DialBridged"], form["CallStatus"]) == ("completed", "true", "in-progress")
    assert (form["DialCallSid"], int(form["DialCallDuration"]) > 0) == (child.sid, True)
    (key,) = bot.asked("/key")
    assert (key["Digits"], key["CallSid"], key["ParentCallSid"]) == ("1", child.sid, call.sid)
    told = bot.asked("/child")
    assert [one["CallStatus"] for one in told] == ["queued", "ringing", "in-progress", "completed"]
    assert [one["SequenceNumber"] for one in told] == ["0", "1", "2", "3"]
    assert {one["Direction"] for one in told} == {"outbound-dial"}
    assert bot.asked("/voice")[0]["StirVerstat"] == "TN-Validation-Passed-A"
    assert [one["CallStatus"] for one in bot.asked("/status")] == ["completed"]


@pytest.mark.parametrize(
    ("person", "status"),
    [
        (is_busy(), "busy"),
        (declines(), "busy"),
        (does_not_answer(), "no-answer"),
        (Person(0.5, "failed"), "failed"),
        (Person(0.5, "no-answer"), "no-answer"),
    ],
)
async def test_somebody_who_can_t_be_had_gives_the_caller_back(person: Person, status: str) -> None:
    bot = a_bot()
    async with on_the_phone(bot, people={HUMAN: person}) as (twilio, _):
        call = twilio.call_in(CALLER)
        await call.until_over()
        assert heard(call) == ["say: One moment.", "ringing", "say: Here I am again."]
        assert heard(twilio.leg_to(HUMAN)) == []
    (form,) = bot.asked("/dialled")
    assert (form["DialCallStatus"], form["DialBridged"], "DialCallDuration" in form) == (status, "false", False)
    assert bot.asked("/whisper") == []


@pytest.mark.parametrize(
    "person",
    [
        answers(Presses(after="say", digits="2")),  # the wrong key: the document of /key hangs up
        answers(HangsUp(after="Press one", in_s=0.5)),
        answers(),  # no key at all
        voicemail(),
    ],
)
async def test_completed_also_comes_when_nobody_was_put_through(person: Person) -> None:
    bot = a_bot(key=HANG_UP)
    async with on_the_phone(bot, people={HUMAN: person}) as (twilio, _):
        call = twilio.call_in(CALLER)
        await call.until_over()
        assert heard(call) == ["say: One moment.", "ringing", "say: Here I am again."]
        assert heard(twilio.leg_to(HUMAN))[0] == "say: Press one to talk."
    (form,) = bot.asked("/dialled")
    assert (form["DialCallStatus"], form["DialBridged"]) == ("completed", "false")


async def test_without_answer_on_bridge_the_caller_hears_silence_during_the_whisper() -> None:
    bot = a_bot(voice=DIAL.replace('answerOnBridge="true"', ""))
    human = accepts("1", HangsUp(in_s=2.0))
    async with on_the_phone(bot, people={HUMAN: human}) as (twilio, _):
        call = twilio.call_in(CALLER)
        await call.until_over()
        ringing, whisper = call.ears.heard[1], twilio.leg_to(HUMAN).ears.heard[0]
        assert str(ringing) == "ringing"
        assert ringing.until_us is not None
        assert whisper.until_us is not None
        assert ringing.until_us < whisper.until_us


@pytest.mark.parametrize("at", ["ringing", "whisper", "talking"])
async def test_a_caller_who_hangs_up_takes_the_other_leg_along(at: str) -> None:
    bot = a_bot()
    caller = Person(does=(HangsUp(after="voice", in_s=0.2),) if at == "talking" else ())
    human = accepts("1", Speaks(text="Hello there.", seconds=9.0)) if at == "talking" else answers()
    async with on_the_phone(bot, people={HUMAN: human}) as (twilio, _):
        call = twilio.call_in(CALLER, person=caller)
        if at == "ringing":
            await until(call, lambda: "ringing" in heard(call))
            call.hang_up("party")
        elif at == "whisper":
            await until(call, lambda: any(one.to == HUMAN and heard(one) for one in twilio.calls.values()))
            call.hang_up("party")
        await call.until_over()
        child = twilio.leg_to(HUMAN)
        assert child.over
        assert (call.ending, call.hung_up_by) == ("caller_hung_up", "party")
        assert child.status == ("canceled" if at == "ringing" else "completed")
    (form,) = bot.asked("/dialled")  # asked once more, though nobody is there to hear its answer
    expected: dict[str, tuple[str, str]] = {
        "ringing": ("canceled", "false"),
        "whisper": ("completed", "false"),
        "talking": ("completed", "true"),
    }
    assert (form["CallStatus"], form["DialCallStatus"], form["DialBridged"]) == ("completed", *expected[at])
    assert "say: Here I am again." not in heard(call)


async def test_of_two_who_ring_the_first_to_answer_wins_a_voicemail_too() -> None:
    two = f'<Response><Dial action="/dialled"><Number url="/whisper">{HUMAN}</Number><Number>{OTHER}</Number></Dial></Response>'
    bot = a_bot(voice=two)
    people = {HUMAN: voicemail(after_s=1.0), OTHER: answers(after_s=5.0)}
    async with on_the_phone(bot, people=people) as (twilio, _):
        await twilio.call_in(CALLER).until_over()
        assert (twilio.leg_to(HUMAN).status, twilio.leg_to(OTHER).status) == ("completed", "canceled")


@pytest.mark.parametrize(
    ("document", "code", "status"),
    [
        (f'<Dial action="/dialled" callerId="+15555550199"><Number>{HUMAN}</Number></Dial>', 13214, "failed"),
        ('<Dial action="/dialled"><Number>5550102</Number></Dial>', 13224, "failed"),
        ('<Dial action="/dialled"><Sip>not an address</Sip></Dial>', 13224, "failed"),
    ],
)
async def test_a_dial_that_can_t_be_says_failed(document: str, code: int, status: str) -> None:
    bot = a_bot(voice=f"<Response>{document}</Response>")
    async with on_the_phone(bot) as (twilio, _):
        await twilio.call_in(CALLER).until_over()
        assert [alert.code for alert in twilio.alerts] == [code]
    assert bot.asked("/dialled")[0]["DialCallStatus"] == status


async def test_the_caller_s_own_number_may_be_shown_and_a_sip_address_may_be_dialled() -> None:
    sip = f'<Response><Dial callerId="{CALLER}" action="/dialled"><Sip url="/whisper">sip:desk@example.com</Sip></Dial></Response>'
    bot = a_bot(voice=sip)
    async with on_the_phone(bot, people={"sip:desk@example.com": accepts("1", HangsUp(in_s=1.0))}) as (twilio, _):
        await twilio.call_in(CALLER).until_over()
        assert twilio.leg_to("sip:desk@example.com").from_ == CALLER
    assert bot.asked("/dialled")[0]["DialBridged"] == "true"


async def test_a_whisper_can_t_dial() -> None:
    bot = a_bot(whisper=f"<Response><Dial>{OTHER}</Dial></Response>")
    async with on_the_phone(bot) as (twilio, _):
        await twilio.call_in(CALLER).until_over()
        assert [alert.code for alert in twilio.alerts] == [13201]
    assert bot.asked("/dialled")[0]["DialBridged"] == "false"


async def test_detection_on_the_other_leg_is_told_to_its_own_callback() -> None:
    number = f'<Number machineDetection="DetectMessageEnd" amdStatusCallback="/amd">{HUMAN}</Number>'
    bot = a_bot(voice=f'<Response><Dial action="/dialled" timeLimit="20">{number}</Dial></Response>')
    async with on_the_phone(bot, people={HUMAN: voicemail()}) as (twilio, _):
        await twilio.call_in(CALLER).until_over()
        (form,) = bot.asked("/amd")
        assert (form["AnsweredBy"], form["CallSid"]) == ("machine_end_beep", twilio.leg_to(HUMAN).sid)


async def test_an_update_of_either_leg_ends_the_talk(request: Any) -> None:
    bot = a_bot()
    human = accepts("1", Speaks(text="Hello there.", seconds=60.0))
    async with on_the_phone(bot, people={HUMAN: human}) as (twilio, rest):
        call = twilio.call_in(CALLER)
        await until(call, lambda: "voice: Hello there." in heard(call))
        await rest.update_call(twilio.leg_to(HUMAN).sid, twiml="<Response><Say>You were moved.</Say></Response>")
        await twilio.leg_to(HUMAN).until_over()
        await call.until_over()
        assert heard(twilio.leg_to(HUMAN))[-1] == "say: You were moved."
        assert heard(call)[-1] == "say: Here I am again."
        other = twilio.call_in(CALLER)
        await until(other, lambda: "voice: Hello there." in heard(other))
        await rest.update_call(other.sid, twiml="<Response><Say>And you.</Say></Response>")
        await other.until_over()
        assert heard(other)[-1] == "say: And you."
        assert twilio.leg_to(HUMAN).over
    assert len(bot.asked("/dialled")) == 1  # of the call that was updated no action is asked
    assert OURS in {form["To"] for form in bot.asked("/dialled")}
