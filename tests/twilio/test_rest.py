"""The REST client against the simulated account: what is asked, refused, tried again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import web

from bot.testing.twilio.mishaps import Mishap
from bot.testing.twilio.simulated_twilio import SimulatedTwilio
from bot.twilio.rest import CallInfo, RestError, TwilioRest
from tests.waiting import GIVE_UP_S

OURS, THEIRS = "+15555550100", "+15555550123"
DOCUMENT = '<Response><Pause length="600"/></Response>'


@pytest.fixture
async def twilio() -> AsyncIterator[SimulatedTwilio]:
    async with SimulatedTwilio(numbers=[OURS], api_keys={"SK" + "1" * 32: "key's secret"}) as account:
        yield account


@pytest.fixture
async def rest(twilio: SimulatedTwilio) -> AsyncIterator[TwilioRest]:
    account = twilio.account_sid, twilio.auth_token
    client = TwilioRest(*account, base_url=twilio.url, timeout_s=GIVE_UP_S, waits_s=(0.01, 0.01, 0.01))
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


# ---- what is tried again ----

PLACE, END, LOOK, TEXT = "create_call", "update_call", "fetch_call", "create_message"


async def place(rest: TwilioRest) -> CallInfo:
    return await rest.create_call(to=THEIRS, from_=OURS, twiml=DOCUMENT)


@pytest.mark.parametrize(
    ("mishap", "tries"),
    [
        (Mishap(status=429, code=20429, times=2), 3),
        (Mishap(status=429, code=20429, times=3), 4),
    ],
)
async def test_too_many_requests_are_tried_again(
    twilio: SimulatedTwilio, rest: TwilioRest, mishap: Mishap, tries: int
) -> None:
    twilio.go_wrong(PLACE, mishap)
    call = await place(rest)
    assert list(twilio.calls) == [call.sid]
    assert twilio.asked == [PLACE] * tries


async def test_too_many_requests_for_too_long_are_given_up(twilio: SimulatedTwilio, rest: TwilioRest) -> None:
    twilio.go_wrong(PLACE, Mishap(status=429, code=20429, times=9))
    with pytest.raises(RestError) as caught:
        await place(rest)
    assert (caught.value.status, caught.value.code, caught.value.retryable) == (429, 20429, True)
    assert twilio.asked == [PLACE] * 4


@pytest.mark.parametrize(
    "mishap",
    [Mishap(status=500, code=20500), Mishap(status=503, code=20503), Mishap(drop=True), Mishap(carried_out=True)],
)
async def test_a_call_or_a_message_that_may_have_been_made_is_never_made_twice(
    twilio: SimulatedTwilio, rest: TwilioRest, mishap: Mishap
) -> None:
    twilio.go_wrong(PLACE, mishap)
    with pytest.raises(RestError) as caught:
        await place(rest)
    assert (caught.value.doubtful, caught.value.retryable) == (True, False)
    assert twilio.asked == [PLACE]
    assert len(twilio.calls) == int(mishap.carried_out)
    twilio.go_wrong(TEXT, Mishap(carried_out=True))
    with pytest.raises(RestError):
        await rest.send_message(THEIRS, OURS, "Hello.")
    assert len(twilio.messages) == 1


@pytest.mark.parametrize(
    "mishap",
    [Mishap(status=500, code=20500), Mishap(status=503, code=20503), Mishap(drop=True), Mishap(carried_out=True)],
)
async def test_a_look_and_an_end_are_asked_for_again(twilio: SimulatedTwilio, rest: TwilioRest, mishap: Mishap) -> None:
    call = await place(rest)
    twilio.go_wrong(LOOK, replace(mishap))
    assert (await rest.fetch_call(call.sid)).sid == call.sid
    twilio.go_wrong(END, replace(mishap))
    await rest.hang_up(call.sid)
    assert twilio.asked[1:] == [LOOK] * 2 + [END] * 2


async def test_a_document_is_never_begun_twice(twilio: SimulatedTwilio, rest: TwilioRest) -> None:
    call = await place(rest)
    await until_answered(twilio, call.sid)
    twilio.go_wrong(END, Mishap(carried_out=True))
    with pytest.raises(RestError) as caught:
        await rest.update_call(call.sid, twiml="<Response><Say>Once.</Say></Response>")
    assert caught.value.doubtful
    assert twilio.asked == [PLACE, END]


@pytest.mark.parametrize("code", [21210, 21211, 21212, 21215, 20003])
async def test_a_refusal_is_not_asked_about_again(twilio: SimulatedTwilio, rest: TwilioRest, code: int) -> None:
    twilio.go_wrong(PLACE, Mishap(status=401 if code == 20003 else 400, code=code))
    with pytest.raises(RestError) as caught:
        await place(rest)
    assert (caught.value.code, caught.value.retryable, caught.value.doubtful) == (code, False, False)
    assert str(code) in caught.value.sentence
    assert twilio.asked == [PLACE]


# ---- what takes too long or says nothing ----


async def test_one_limit_bounds_an_operation_with_all_its_tries(twilio: SimulatedTwilio) -> None:
    rest = TwilioRest(twilio.account_sid, twilio.auth_token, base_url=twilio.url, timeout_s=0.2, waits_s=(0.0,) * 50)
    twilio.go_wrong(LOOK, Mishap(status=503, delay_s=0.05, times=99))
    twilio.go_wrong(PLACE, Mishap(delay_s=60.0))
    try:
        for operation in (lambda: rest.fetch_call("CA1"), lambda: place(rest)):
            with pytest.raises(RestError, match=r"did not answer within 0\.2 s") as caught:
                await operation()
            assert (caught.value.status, caught.value.doubtful, caught.value.retryable) == (0, True, False)
    finally:
        await rest.close()
    assert 1 < twilio.asked.count(LOOK) < 10
    assert twilio.asked.count(PLACE) == 1


async def test_nobody_there_is_tried_again_and_told() -> None:
    rest = TwilioRest("AC" + "0" * 32, "x", base_url="http://127.0.0.1:1", waits_s=(0.0, 0.0))
    try:
        with pytest.raises(RestError, match="can't be reached") as caught:
            await place(rest)
        assert (caught.value.status, caught.value.retryable, caught.value.doubtful) == (0, True, False)
    finally:
        await rest.close()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, "<html>a proxy's own page</html>"),
        (200, "[]"),
        (201, '"text"'),
        (200, ""),
        (200, "x" * 1_100_000),
        (302, ""),
        (502, "<html>bad gateway</html>"),
        (400, '{"code": "not a number", "message": null}'),
    ],
)
async def test_an_answer_that_is_none_is_a_rest_error(status: int, body: str) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=body, status=status, headers={"Location": "/elsewhere"} if status == 302 else {})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    rest = TwilioRest("AC" + "0" * 32, "x", base_url=f"http://127.0.0.1:{runner.addresses[0][1]}", waits_s=())
    try:
        with pytest.raises(RestError):
            await place(rest)
        with pytest.raises(RestError):
            await rest.fetch_call("CA1")
    finally:
        await rest.close()
        await runner.cleanup()


async def test_a_refusal_s_sentence_names_no_number(rest: TwilioRest, twilio: SimulatedTwilio) -> None:
    async def refuse(_: web.Request) -> web.Response:
        said = f"The source phone number provided, {THEIRS}, is not yet verified for your account"
        return web.json_response({"code": 21210, "message": said, "status": 400}, status=400)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", refuse)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    rest = TwilioRest(twilio.account_sid, "x", base_url=f"http://127.0.0.1:{runner.addresses[0][1]}")
    try:
        with pytest.raises(RestError) as caught:
            await place(rest)
        assert "21210" in caught.value.sentence
        assert THEIRS[:-4] not in repr(caught.value) + caught.value.sentence
    finally:
        await rest.close()
        await runner.cleanup()


@pytest.mark.parametrize("name", ["../../Messages", "CA1/../x", "a?b=c", "room 1#é"])
async def test_a_name_stays_one_step_of_the_path(twilio: SimulatedTwilio, rest: TwilioRest, name: str) -> None:
    with pytest.raises(RestError) as caught:
        await rest.fetch_call(name)
    assert caught.value.over
    assert twilio.asked in ([], [LOOK])


async def test_a_name_of_dots_is_nobody_s(rest: TwilioRest) -> None:
    with pytest.raises(RestError) as caught:
        await rest.fetch_call("..")
    assert caught.value.over


async def test_what_a_programmer_gets_wrong_is_not_sent(twilio: SimulatedTwilio, rest: TwilioRest) -> None:
    with pytest.raises(ValueError, match="either a URL or a document"):
        await rest.create_call(to=THEIRS, from_=OURS)
    with pytest.raises(ValueError, match="at most 4000 characters, not 4001"):
        await rest.update_call("CA1", twiml="x" * 4001)
    assert twilio.asked == []


async def test_nothing_is_logged_of_what_is_asked(rest: TwilioRest, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    await rest.send_message(THEIRS, OURS, "The code is 4711.")
    assert [record for record in caplog.records if "4711" in record.getMessage() or THEIRS in record.getMessage()] == []


async def test_the_address_alone_says_where_to_ask(
    twilio: SimulatedTwilio, rest: TwilioRest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWILIO_REGION", "ie1")
    monkeypatch.setenv("TWILIO_EDGE", "dublin")
    await place(rest)
    assert twilio.asked == [PLACE]
