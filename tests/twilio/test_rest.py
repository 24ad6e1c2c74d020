"""The REST client against the simulated account: what is asked, refused, tried again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.testing.twilio.mishaps import Mishap
from bot.testing.twilio.simulated_twilio import SimulatedTwilio
from bot.twilio.rest import RestError, TwilioRest
from tests.waiting import GIVE_UP_S

OURS, THEIRS = "+15555550100", "+15555550123"
DOCUMENT = '<Response><Pause length="600"/></Response>'


@pytest.fixture
async def twilio() -> AsyncIterator[SimulatedTwilio]:
    async with SimulatedTwilio(numbers=[OURS], api_keys={"SK" + "1" * 32: "key's secret"}) as account:
        yield account


@pytest.fixture
async def rest(twilio: SimulatedTwilio) -> AsyncIterator[TwilioRest]:
    client = TwilioRest(
        twilio.account_sid, twilio.auth_token, base_url=twilio.url, timeout_s=5.0, waits_s=(0.01, 0.01, 0.01)
    )
    yield client
    await client.close()


async def test_a_call_is_placed_changed_looked_at_and_ended(twilio: SimulatedTwilio, rest: TwilioRest) -> None:
    call = await rest.create_call(to=THEIRS, from_=OURS, twiml=DOCUMENT, status_callback_events=["ringing"])
    assert (call.status, call.to, call.from_) == ("queued", THEIRS, OURS)
    await until_answered(twilio, call.sid)
    await rest.update_call(call.sid, twiml='<Response><Pause length="600"/></Response>')
    await rest.hang_up(call.sid)
    await twilio.calls[call.sid].until_over()
    found = await rest.fetch_call(call.sid)
    assert (found.status, found.over, twilio.calls[call.sid].hung_up_by) == ("completed", True, "twilio")
    await rest.hang_up(call.sid)  # one that is over already is as good


async def until_answered(twilio: SimulatedTwilio, sid: str) -> None:
    call = twilio.calls[sid]
    async with asyncio.timeout(GIVE_UP_S):
        while call.answered_us is None:
            await call.ears.bell.wait()


async def test_an_api_key_signs_in(twilio: SimulatedTwilio) -> None:
    rest = TwilioRest(twilio.account_sid, api_key="SK" + "1" * 32, api_secret="key's secret", base_url=twilio.url)
    try:
        assert (await rest.send_message(THEIRS, OURS, "Hello.")).status == "queued"
    finally:
        await rest.close()


async def test_a_call_that_is_refused_for_its_sender_says_so_without_the_number(rest: TwilioRest) -> None:
    with pytest.raises(RestError) as caught:
        await rest.create_call(to=THEIRS, from_="+15555550177", twiml=DOCUMENT)
    error = caught.value
    assert (error.status, error.code, error.retryable, error.doubtful) == (400, 21210, False, False)


async def test_too_many_requests_are_tried_again(twilio: SimulatedTwilio, rest: TwilioRest) -> None:
    twilio.go_wrong("create_call", Mishap(status=429, code=20429, times=2))
    call = await rest.create_call(to=THEIRS, from_=OURS, twiml=DOCUMENT)
    assert list(twilio.calls) == [call.sid]
    assert twilio.asked == ["create_call"] * 3
