"""What the simulated REST API refuses, asked by hand and by the `twilio` package's own clients."""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator, Mapping

import aiohttp
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.rest import Client

from bot.testing.twilio.calls.person import Person
from bot.testing.twilio.mishaps import Mishap
from bot.testing.twilio.rest_desk import Permissions
from bot.testing.twilio.simulated_twilio import SimulatedTwilio
from tests.testing.twilio.small_bot import HUMAN, OTHER, OURS

KEY, SECRET = "SK" + "1" * 32, "the key's secret"
URL = "https://bot.example.com/voice"
GOOD = {"To": HUMAN, "From": OURS, "Url": URL}
UNKNOWN = "CA" + "0" * 32


@pytest.fixture
async def twilio() -> AsyncIterator[SimulatedTwilio]:
    permissions = Permissions(forbidden_prefixes=("+882",), unsubscribed=frozenset({OTHER}))
    account = SimulatedTwilio(
        numbers=[OURS], api_keys={KEY: SECRET}, permissions=permissions, anybody=Person(None), pace=1.0
    )
    async with account:
        yield account


async def ask(
    twilio: SimulatedTwilio,
    path: str,
    form: Mapping[str, str] | list[tuple[str, str]] | None = None,
    *,
    method: str = "POST",
    auth: tuple[str, str] | None = None,
    account: str = "",
) -> tuple[int, int]:
    """Status and Twilio's code of one request."""
    user, password = auth or (twilio.account_sid, twilio.auth_token)
    url = f"{twilio.url}/2010-04-01/Accounts/{account or twilio.account_sid}/{path}.json"
    headers = {"Authorization": aiohttp.encode_basic_auth(user, password)}
    async with (
        aiohttp.ClientSession() as http,
        http.request(method, url, data=form if method == "POST" else None, headers=headers) as answer,
    ):
        body = await answer.json()
        if answer.status >= 400:
            assert body.keys() == {"code", "message", "more_info", "status"}
            assert body["status"] == answer.status
        return answer.status, body.get("code", 0)


@pytest.mark.parametrize(
    ("auth", "account", "expected"),
    [
        (None, "", (201, 0)),
        ((KEY, SECRET), "", (201, 0)),
        ((KEY, "another"), "", (401, 20003)),
        (("AC" + "0" * 32, SECRET), "", (401, 20003)),
        (("", ""), "", (401, 20003)),
        (None, "AC" + "9" * 32, (404, 20404)),
    ],
)
async def test_who_may_ask(
    twilio: SimulatedTwilio, auth: tuple[str, str] | None, account: str, expected: tuple[int, int]
) -> None:
    assert await ask(twilio, "Calls", GOOD, auth=auth, account=account) == expected
    assert len(twilio.calls) == int(expected[0] == 201)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"To": ""}, 21201),
        ({"From": ""}, 21213),
        ({"To": "5550102"}, 21211),
        ({"To": "+0123456789"}, 21211),
        ({"To": "+1 555 555 0102"}, 21211),
        ({"To": "+123456789012345678"}, 21211),
        ({"From": "5550100"}, 21212),
        ({"From": "+15555550199"}, 21210),
        ({"To": "+8821234567"}, 21215),
        ({"Url": "bot.example.com/voice"}, 21205),
        ({"Url": "https://my_bot.example.com/voice"}, 21205),
        ({"Url": "ftp://bot.example.com/voice"}, 21205),
        ({"Url": None}, 21205),
        ({"StatusCallback": "/status"}, 21205),
        ({"StatusCallbackEvent": "hung-up"}, 20001),
        ({"Timeout": "0"}, 21208),
        ({"Timeout": "601"}, 21208),
        ({"Timeout": "soon"}, 21208),
        ({"TimeLimit": "-1"}, 20001),
        ({"SendDigits": "12 34"}, 21206),
        ({"SendDigits": "w" * 33}, 21206),
        ({"MachineDetection": "enable"}, 20001),
        ({"MachineDetectionTimeout": "60"}, 20001),
        ({"AsyncAmd": "yes"}, 20001),
        ({"Method": "PUT"}, 20001),
        ({"Url": None, "Twiml": f"<Response>{' ' * 4000}</Response>"}, 32018),
        ({"CallReason": "x" * 51}, 20001),
        ({"CallToken": "nobody's", "From": "+15555550199"}, 21212),
        ({"Machinedetection": "Enable"}, 20001),  # the real one would overlook it, and detect nothing
    ],
)
async def test_a_call_that_is_not_placed(twilio: SimulatedTwilio, change: dict[str, str | None], code: int) -> None:
    form = {name: value for name, value in {**GOOD, **change}.items() if value is not None}
    assert await ask(twilio, "Calls", form) == (400, code)
    assert twilio.calls == {}


async def test_parameters_that_are_given_twice_or_not_as_a_form(twilio: SimulatedTwilio) -> None:
    events = [("StatusCallbackEvent", "ringing"), ("StatusCallbackEvent", "answered")]
    assert await ask(twilio, "Calls", [*GOOD.items(), *events]) == (201, 0)
    assert await ask(twilio, "Calls", [*GOOD.items(), ("To", OTHER)]) == (400, 20001)
    async with aiohttp.ClientSession() as http:
        headers = {"Authorization": aiohttp.encode_basic_auth(twilio.account_sid, twilio.auth_token)}
        url = f"{twilio.url}/2010-04-01/Accounts/{twilio.account_sid}/Calls.json"
        async with http.post(url, json=GOOD, headers=headers) as answer:
            assert answer.status == 415


async def test_a_trial_account_calls_verified_numbers_only(twilio: SimulatedTwilio) -> None:
    twilio.permissions.verified = frozenset({OTHER})
    assert await ask(twilio, "Calls", GOOD) == (400, 21219)
    assert await ask(twilio, "Calls", {**GOOD, "To": OTHER}) == (201, 0)


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"From": OURS, "Body": "x"}, 21604),
        ({"To": HUMAN, "From": OURS}, 21602),
        ({"To": HUMAN, "Body": "x"}, 21603),
        ({"To": "12345", "From": OURS, "Body": "x"}, 21211),
        ({"To": HUMAN, "From": "+15555550199", "Body": "x"}, 21606),
        ({"To": OTHER, "From": OURS, "Body": "x"}, 21610),
        ({"To": HUMAN, "From": OURS, "Body": "x" * 1601}, 21617),
    ],
)
async def test_a_message_that_is_not_sent(twilio: SimulatedTwilio, form: dict[str, str], code: int) -> None:
    assert await ask(twilio, "Messages", form) == (400, code)
    assert twilio.messages == []


@pytest.mark.parametrize(
    ("method", "path", "form"),
    [
        ("GET", f"Calls/{UNKNOWN}", None),
        ("POST", f"Calls/{UNKNOWN}", {"Status": "completed"}),
        ("GET", "Conferences/CF1", None),
        ("POST", "Conferences/CF1", {"Status": "completed"}),
        ("POST", f"Conferences/CF1/Participants/{UNKNOWN}", {"Hold": "true"}),
        ("DELETE", f"Conferences/CF1/Participants/{UNKNOWN}", None),
        ("GET", "Faxes", None),
    ],
)
async def test_what_is_not_there(twilio: SimulatedTwilio, method: str, path: str, form: dict[str, str] | None) -> None:
    assert await ask(twilio, path, form, method=method) == (404, 20404)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"Url": URL, "Twiml": "<Response/>"}, (400, 20001)),
        ({"Status": "busy"}, (400, 20001)),
        ({"Url": URL}, (400, 21220)),  # it rings still
        ({"Status": "canceled"}, (200, 0)),
    ],
)
async def test_an_update_of_a_call_that_rings(
    twilio: SimulatedTwilio, form: dict[str, str], expected: tuple[int, int]
) -> None:
    assert (await ask(twilio, "Calls", GOOD))[0] == 201
    (sid,) = twilio.calls
    assert await ask(twilio, f"Calls/{sid}", form) == expected


async def test_a_mishap_needs_an_operation_s_name(twilio: SimulatedTwilio) -> None:
    with pytest.raises(ValueError, match="create_call"):
        twilio.go_wrong("place_call", Mishap(status=500))


async def test_the_package_s_own_async_client_is_served(twilio: SimulatedTwilio) -> None:
    """Its warnings under this aiohttp are the reason why ours has a transport of its own."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="BasicAuth is deprecated", category=DeprecationWarning)
        warnings.filterwarnings("ignore", message=".*auth.*", category=DeprecationWarning)
        http = AsyncTwilioHttpClient()
        client = Client(twilio.account_sid, twilio.auth_token, http_client=http)
        client.api.base_url = twilio.url
        try:
            call = await client.calls.create_async(
                to=HUMAN, from_=OURS, url=URL, status_callback_event=["ringing", "answered"], timeout=30
            )
            assert (call.status, call.direction, call._from) == ("queued", "outbound-api", OURS)
            assert (await client.calls(call.sid).fetch_async()).to == HUMAN
            assert (await client.calls(call.sid).update_async(status="canceled")).sid == call.sid
            message = await client.messages.create_async(to=HUMAN, from_=OURS, body="Hello.")
            assert (message.status, twilio.messages[0]["Body"]) == ("queued", "Hello.")
            made = await client.conferences("room").participants.create_async(
                to=HUMAN, from_=OURS, beep="false", end_conference_on_exit=True
            )
            assert made.status == "queued"
            assert await client.conferences.list_async(friendly_name="room") == []  # nobody is in it
            found = await client.conferences.list_async(friendly_name="room", status="init")
            assert [one.sid for one in found] == [made.conference_sid]
            with pytest.raises(TwilioRestException) as caught:
                await client.calls.create_async(to="+1", from_=OURS, url=URL)
            assert (caught.value.status, caught.value.code) == (400, 21211)
        finally:
            await http.close()
