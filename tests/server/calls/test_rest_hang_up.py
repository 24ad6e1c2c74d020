"""The bot hangs up by the REST API, after its goodbye was heard; where that fails, by closing the stream as ever."""

from __future__ import annotations

import pytest

from bot.config import load_settings
from bot.realtime.session import END_CALL
from bot.server.calls.rest_hang_up import rest_hang_up
from bot.server.setup.twilio_account import twilio_rest
from bot.testing import Mishap, OwnNumber, SimulatedTwilio
from bot.testing.agent import Reply, Spoken, ToolCall, pattern
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.handset.twilio_texts import StreamIds
from bot.testing.twilio.calls.person import Person
from bot.testing.twilio.calls.simulated_call import SimulatedCall
from tests.server.simulated_server import ACCOUNT, AUTH_TOKEN, QUICK, ServerUnderTest, standing, until

CALLER, CALLED = "+15555550101", "+15555550100"
GOODBYE = Reply([Spoken(pattern(400, "goodbye"), "Goodbye.")], [ToolCall(END_CALL)], pacing=QUICK)


def talking(ids: StreamIds) -> SimulatedPhone:
    """A phone whose caller says a word."""
    phone = SimulatedPhone(ids)
    phone.say(pattern(300, "a word"), 100_000)
    return phone


async def called(desk: ServerUnderTest, twilio: SimulatedTwilio) -> SimulatedCall:
    """A call to the bot, which is over."""
    twilio.network.via = desk.origin
    twilio.network.numbers[CALLED] = OwnNumber(f"{desk.settings.public_url}/voice")
    call = twilio.call_in(CALLER, CALLED, Person(phones=talking))
    await until(lambda: call.ended_us is not None)
    await desk.quiet()
    assert desk.reasons == ["bot_hung_up"]
    (leg,) = call.legs
    assert leg.phone.playout.heard_total_bytes(10**12) == len(GOODBYE.items[0].audio)
    return call


def account(**more: object) -> SimulatedTwilio:
    return SimulatedTwilio(account_sid=ACCOUNT, auth_token=AUTH_TOKEN, numbers=(CALLED,), **more)  # type: ignore[arg-type]


async def test_the_call_is_ended_by_the_api_and_no_stream_is_cut_by_us() -> None:
    async with account() as twilio, standing(GOODBYE, BOT_GREETING="off", TWILIO_API_URL=twilio.url) as desk:
        call = await called(desk, twilio)
        assert twilio.asked == ["update_call"]
        assert call.hung_up_by == "twilio"
        assert [alert.code for alert in twilio.alerts] == []
        assert desk.logged("hang_up_by_rest_failed") == []


@pytest.mark.parametrize(
    "mishap",
    [Mishap(status=401, code=20003), Mishap(status=500, times=9), Mishap(drop=True, times=9), Mishap(delay_s=4.0)],
    ids=["no credentials", "a fault of Twilio's", "no answer", "too slow"],
)
async def test_where_the_api_fails_the_stream_is_closed_and_voice_next_hangs_up(mishap: Mishap) -> None:
    async with account() as twilio, standing(GOODBYE, BOT_GREETING="off", TWILIO_API_URL=twilio.url) as desk:
        twilio.go_wrong("update_call", mishap)
        call = await called(desk, twilio)
        assert call.ending == "hangup"
        assert [alert.code for alert in twilio.alerts if alert.code == 31921] == [31921]
        (line,) = desk.logged("hang_up_by_rest_failed")
        assert line["call_sid"] == call.sid
        assert AUTH_TOKEN not in str(line)


@pytest.mark.parametrize(
    ("public_url", "more", "asks"),
    [
        ("https://bot.heardline.dev", {}, True),
        ("https://bot.example.com", {}, False),
        ("http://127.0.0.1:8080", {}, False),
        ("http://127.0.0.1:8080", {"TWILIO_API_URL": "http://127.0.0.1:9000"}, True),
    ],
)
async def test_the_api_is_asked_about_calls_that_it_knows(public_url: str, more: dict[str, str], asks: bool) -> None:
    known = {"TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_AUTH_TOKEN": AUTH_TOKEN}
    settings = load_settings({"PUBLIC_URL": public_url, **known, **more})
    rest = twilio_rest(settings)
    assert (rest_hang_up(settings, rest) is not None) is asks
    await rest.close()
