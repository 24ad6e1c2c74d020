"""Conferences: hold music, who hears whom, who ends it, and what the bot is told."""

from __future__ import annotations

import asyncio

import pytest

from bot.testing.twilio.calls.person import HangsUp, Person, Speaks, answers, is_busy, voicemail
from bot.twilio.rest import RestError, TwilioRest
from tests.testing.twilio.small_bot import CALLER, HUMAN, OTHER, OURS, SmallBot, heard, on_the_phone, until

EVENTS = "start end join leave mute hold"
CALLER_IN = (
    '<Response><Dial action="/after"><Conference waitUrl="/music" beep="false" endConferenceOnExit="true" '
    f'participantLabel="caller" statusCallback="/room" statusCallbackEvent="{EVENTS}">room</Conference></Dial></Response>'
)
MUSIC = "<Response><Say>Please hold.</Say><Pause/></Response>"
AFTER = "<Response><Say>Back again.</Say><Hangup/></Response>"


def a_bot(**documents: str) -> SmallBot:
    return SmallBot(**{"voice": CALLER_IN, "music": MUSIC, "after": AFTER} | documents)


async def join(rest: TwilioRest, to: str = HUMAN, **knobs: object) -> str:
    made = await rest.create_participant("room", to=to, from_=OURS, **{"beep": "false", **knobs})  # type: ignore[arg-type]
    return made.call_sid


async def test_the_caller_hears_music_until_the_human_is_there_and_then_the_human() -> None:
    bot = a_bot()
    human = Person(2.0, does=(Speaks(text="Good morning.", seconds=2.0, in_s=1.0), HangsUp(in_s=1.0)))
    async with on_the_phone(bot, people={HUMAN: human}) as (twilio, rest):
        call = twilio.call_in(CALLER)
        await until(call, lambda: "say: Please hold." in heard(call))
        sid = await join(rest, label="human", end_conference_on_exit=True)
        await call.until_over()
        assert heard(call)[0] == "say: Please hold."
        assert heard(call)[-2:] == ["voice: Good morning.", "say: Back again."]
        music = [one for one in call.ears.heard if str(one) == "say: Please hold."]
        voice = next(one for one in call.ears.heard if one.kind == "voice")
        assert all(one.until_us is not None and one.until_us <= voice.from_us for one in music)
        await twilio.calls[sid].until_over()
    told = bot.asked("/room")
    assert [form["StatusCallbackEvent"] for form in told] == [
        "participant-join", "participant-join", "conference-start", "participant-leave", "conference-end",
        "participant-leave",
    ]  # fmt: skip
    assert [form["SequenceNumber"] for form in told] == [str(n) for n in range(1, 7)]
    assert told[0]["ParticipantLabel"] == "caller"
    assert told[1]["ParticipantLabel"] == "human"
    assert told[4]["ReasonConferenceEnded"] == "participant-with-end-conference-on-exit-left"
    assert told[4]["CallSidEndingConference"] == sid
    (after,) = bot.asked("/after")
    assert after["DialCallStatus"] == "answered"


async def test_the_standard_music_a_silent_wait_and_a_lone_caller_who_leaves() -> None:
    for wait, expected in (("", ["music: hold music"]), ('waitUrl=""', [])):
        bot = a_bot(voice=f"<Response><Dial><Conference {wait}>room</Conference></Dial></Response>")
        async with on_the_phone(bot) as (twilio, _):
            call = twilio.call_in(CALLER, person=Person(does=(HangsUp(in_s=5.0),)))
            await call.until_over()
            assert heard(call) == expected


async def test_who_may_not_start_it_waits_and_is_not_heard() -> None:
    one_way = CALLER_IN.replace("<Conference", '<Conference startConferenceOnEnter="false"')
    bot = a_bot(voice=one_way)
    human = Person(1.0, does=(Speaks(text="Anybody?", seconds=1.0, in_s=0.5), HangsUp(in_s=3.0)))
    async with on_the_phone(bot, people={HUMAN: human}) as (twilio, rest):
        call = twilio.call_in(CALLER)
        await until(call, lambda: heard(call))
        sid = await join(rest, start_conference_on_enter=False, wait_url="")
        await twilio.calls[sid].until_over()
        assert "voice: Anybody?" not in heard(call)
        assert (await rest.find_conference("room")) is None  # it never went on
        assert [room.status for room in twilio.follower.rooms.values()] == ["init"]


async def test_muted_held_and_coaching_change_who_hears_whom() -> None:
    bot = a_bot()
    people = {
        HUMAN: Person(0.5, does=(Speaks(text="from the human", seconds=400.0),)),
        OTHER: Person(0.5, does=(Speaks(text="from the coach", seconds=400.0),)),
    }
    async with on_the_phone(bot, people=people) as (twilio, rest):
        call = twilio.call_in(CALLER)
        await until(call, lambda: heard(call))
        human = await join(rest)
        await until(call, lambda: "voice: from the human" in heard(call))
        coach = await join(rest, OTHER, coaching=True, call_sid_to_coach=human)
        leg = twilio.calls[human]
        await until(leg, lambda: "voice: from the coach" in heard(leg))
        assert "voice: from the coach" not in heard(call)
        room = await rest.find_conference("room")
        assert room is not None
        changed = await rest.update_participant(room.sid, call.sid, hold=True)
        assert changed.hold
        await until(call, lambda: heard(call)[-1] == "music: hold music")
        n_before = len(heard(call))
        assert call.ears.heard[-2].until_us is not None  # the human is heard no longer
        await rest.update_participant(room.sid, human, muted=True)
        await rest.update_participant(room.sid, call.sid, hold=False)
        await until(call, lambda: call.ears.heard[-1].until_us is not None)
        assert len(heard(call)) == n_before
        await rest.update_participant(room.sid, human, muted=False)
        await until(call, lambda: heard(call)[-1] == "voice: from the human")
        await rest.update_conference(room.sid, status="completed")
        for sid in (call.sid, human, coach):
            await twilio.calls[sid].until_over()
        assert heard(call)[-1] == "say: Back again."
        with pytest.raises(RestError) as caught:
            await rest.update_conference(room.sid, status="completed")
        assert caught.value.over
    events = [form["StatusCallbackEvent"] for form in bot.asked("/room")]
    assert [event for event in events if event.startswith("participant-") and event.endswith(("hold", "mute"))] == [
        "participant-hold", "participant-mute", "participant-unhold", "participant-unmute",
    ]  # fmt: skip


async def test_an_announcement_is_heard_by_one_leg_and_may_be_keys() -> None:
    bot = a_bot(announce='<Response><Play digits="ww42"/><Say>Connecting.</Say></Response>')
    async with on_the_phone(bot, people={HUMAN: answers()}) as (twilio, rest):
        call = twilio.call_in(CALLER)
        await until(call, lambda: heard(call))
        human = await join(rest)
        leg = twilio.calls[human]
        await until(leg, lambda: leg.answered_us)
        room = next(iter(twilio.follower.rooms.values()))
        await until(leg, lambda: room.find(human))
        await rest.update_participant(room.sid, human, announce_url=f"{bot.origin}/announce")
        await until(leg, lambda: "say: Connecting." in heard(leg))
        assert heard(leg)[-2:] == ["keys: 42", "say: Connecting."]
        assert "say: Connecting." not in heard(call)


async def test_a_participant_who_is_taken_out_or_never_comes_leaves_the_caller_waiting() -> None:
    bot = a_bot()
    async with on_the_phone(bot, people={HUMAN: is_busy(), OTHER: answers()}) as (twilio, rest):
        call = twilio.call_in(CALLER)
        await until(call, lambda: heard(call))
        busy = await join(rest, status_callback=f"{bot.origin}/leg")
        await twilio.calls[busy].until_over()
        assert [form["CallStatus"] for form in bot.asked("/leg")] == ["busy"]
        other = await join(rest, OTHER)
        room = next(iter(twilio.follower.rooms.values()))
        await until(twilio.calls[other], lambda: room.find(other))
        await rest.remove_participant(room.sid, other)
        await twilio.calls[other].until_over()
        assert not call.over
        await rest.remove_participant(room.sid, other)  # who has left is as good
        with pytest.raises(RestError):
            await rest.update_participant(room.sid, other, hold=True)


async def test_detection_in_a_conference_is_told_beside_it() -> None:
    bot = a_bot()
    async with on_the_phone(bot, people={HUMAN: voicemail()}) as (twilio, rest):
        call = twilio.call_in(CALLER)
        await until(call, lambda: heard(call))
        await join(rest, machine_detection="DetectMessageEnd", amd_status_callback=f"{bot.origin}/amd")
        while not bot.asked("/amd"):  # noqa: ASYNC110  a form is seen only by looking
            await asyncio.sleep(0.01)
        assert bot.asked("/amd")[0]["AnsweredBy"] == "machine_end_beep"
        # The greeting was talking to the caller all the time.
        assert any("voicemail" in line for line in heard(call))


async def test_a_conference_that_is_full_lets_nobody_in() -> None:
    bot = a_bot(voice=CALLER_IN.replace("<Conference", '<Conference maxParticipants="0"'))
    async with on_the_phone(bot) as (twilio, _):
        await twilio.call_in(CALLER).until_over()
        assert [alert.code for alert in twilio.alerts] == [13237]
    assert bot.asked("/after")[0]["DialCallStatus"] == "failed"
