"""Refused requests: a line in the log says why, and strangers cannot fill it."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.observe.rate_limited_log import QUIET_S, RateLimitedLog
from bot.server.http import webhook
from bot.testing.dialling.dial import new_call_sid
from bot.testing.dialling.stream_socket import stream_signature
from bot.twilio.signature import stream_url
from tests.server.simulated_server import ACCOUNT, AUTH_TOKEN, PUBLIC_URL, ServerUnderTest, a_phone, form, standing

TWILIO = "mend it in Twilio's console"
TOKEN = "f" * 32


async def refused(desk: ServerUnderTest, method: str, path: str, **knobs: Any) -> tuple[int, str]:
    async with desk.http.request(method, desk.origin + path, **knobs) as answer:
        return answer.status, await answer.text()


async def test_a_call_of_another_account_is_told_with_the_ends_of_both() -> None:
    async with standing() as desk:
        call_sid = new_call_sid()
        assert (await desk.post("/voice", form(call_sid, account="AC" + "6" * 32)))[0] == 403
        (line,) = desk.logged("webhook_refused")
    assert (line["log_level"], line["path"], line["call_sid"]) == ("warning", "/voice", call_sid)
    assert line["why"] == (
        "the call belongs to the account that ends in 6666, and TWILIO_ACCOUNT_SID ends in "
        f"{ACCOUNT[-4:]}: mend that, or the number's webhook"
    )


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
async def test_a_webhook_with_a_wrong_method_is_told(method: str) -> None:
    async with standing() as desk:
        status, body = await refused(desk, method, "/voice?secret=1")
        (line,) = desk.logged("request_refused")
    assert (status, body) == (405, "" if method == "HEAD" else "this path takes POST\n")
    assert (line["method"], line["path"], line["status"], line["log_level"]) == (method, "/voice", 405, "warning")
    assert line["why"] == "this path takes POST: Twilio's console must say so"


@pytest.mark.parametrize(
    ("path", "meant", "words"),
    [
        ("/voice/", "/voice", "with no slash at its end: " + TWILIO),
        ("//voice", "/voice", "the path is /voice, just so"),
        ("/Voice", "/voice", "the path is /voice, just so"),
        ("/voice/next/", "/voice/next", "the path is /voice/next, just so"),
        ("/voice/voice", "/voice", "if a proxy leaves /voice before it, PUBLIC_URL must end so"),
        ("/api/v1/voice/status", "/voice/status", "if a proxy leaves /api/v1 before it, PUBLIC_URL must end so"),
        ("/metrics/", "/metrics", "the path is /metrics, just so, with no slash at its end"),
    ],
)
async def test_a_path_that_is_nearly_right_is_told_with_the_right_one(path: str, meant: str, words: str) -> None:
    async with standing() as desk:
        assert (await desk.post(path, form(new_call_sid())))[0] == 404
        (line,) = desk.logged("request_refused")
    assert (line["path"], line["status"], line["log_level"]) == (path, 404, "warning")
    assert meant in line["why"]
    assert words in line["why"]


async def test_under_a_prefix_the_path_with_the_prefix_is_named() -> None:
    async with standing(PUBLIC_URL="https://bot.example.com/phone") as desk:
        assert await refused(desk, "POST", "/phone/voice/") == (
            404,
            "the path is /phone/voice, just so, with no slash at its end\n",
        )
        assert (await refused(desk, "POST", "/voice/"))[0] == 404
        (line,) = desk.logged("request_refused")
    assert line["why"].startswith("the path is /phone/voice, just so")


async def test_what_no_one_could_have_meant_is_told_in_short_and_without_a_token() -> None:
    async with standing() as desk:
        assert await refused(desk, "GET", "/wp-login.php?user=me") == (404, "there is nothing here\n")
        assert await refused(desk, "GET", f"/a/media/{TOKEN}/") == (404, "there is nothing here\n")
        (line,) = desk.logged("request_refused")
        assert (line["path"], line["log_level"]) == ("/wp-login.php", "info")


async def test_a_path_far_from_ours_that_twilio_asks_for_is_told_among_those_that_strangers_try() -> None:
    async with standing(PUBLIC_URL="https://bot.example.com/phone") as desk:
        await refused(desk, "GET", "/wp-login.php")
        assert (await desk.post("/incoming-call", form(new_call_sid())))[0] == 404
        await refused(desk, "GET", "/favicon.ico")
        stranger, twilio = desk.logged("request_refused")
    assert (stranger["path"], stranger["log_level"]) == ("/wp-login.php", "info")
    assert (twilio["path"], twilio["log_level"]) == ("/incoming-call", "warning")
    assert twilio["why"] == ("there is nothing at this path; the webhook is /phone/voice: mend it in Twilio's console")


async def test_the_token_of_a_stream_and_what_acts_on_a_terminal_are_told_of_no_path() -> None:
    async with standing() as desk:
        await refused(desk, "GET", f"/a/media/{TOKEN}/")
        await refused(desk, "POST", f"/media/{TOKEN}")
        await refused(desk, "POST", "/%1b[31m" + "a" * 500 + "/voice")
        paths = [line["path"] for line in desk.logged("request_refused")]
        assert TOKEN not in str(desk.logs)
    assert paths[:2] == ["/a/media/...", "/media/..."]
    assert paths[2].startswith("/\\x1b[31maaa")
    assert len(paths[2]) < 100


async def test_a_storm_of_strangers_is_one_line_of_each_kind() -> None:
    async with standing() as desk:
        for number in range(20):
            await refused(desk, "GET", f"/{number}")
            await refused(desk, "POST", "/voice", data=b"x")
            await refused(desk, "POST", "/voice", data=b"x", headers={"X-Twilio-Signature": "x"})
            await refused(desk, "GET", f"/media/{number}")
            await refused(desk, "POST", "/voice/")
        told = sorted(line["event"] for line in desk.logs if line["event"].endswith("_refused"))
    assert told == [*["request_refused"] * 2, "stream_refused", *["webhook_refused"] * 2]


def test_a_line_tells_how_many_it_stands_for_and_a_kind_hides_no_other() -> None:
    now_s = 0.0
    sparing = RateLimitedLog(clock=lambda: now_s)
    with capture_logs() as logs:
        for _ in range(5):
            sparing.warn("refused", "a", why="a")
            sparing.warn("refused", "b", why="b")
        now_s = QUIET_S
        sparing.warn("refused", "a", why="a")
    assert [(line["why"], line["times"]) for line in logs] == [("a", 1), ("b", 1), ("a", 5)]


async def test_a_signature_that_is_missing_or_wrong_is_told_with_what_may_be_the_matter() -> None:
    async with standing() as desk:
        assert (await desk.post("/voice", form(new_call_sid()), token=None))[0] == 403
        headers = {"X-Twilio-Signature": "x", "Host": "other.example"}
        await refused(desk, "POST", "/voice", json={"a": 1}, headers=headers)
        missing, wrong = desk.logged("webhook_refused")
    assert missing["why"] == wrong["why"] == "wrong or missing signature"
    assert missing["mend"].startswith("it has no X-Twilio-Signature: ")
    assert wrong["mend"] == (
        f"its signature is wrong: TWILIO_AUTH_TOKEN is not the account's, or Twilio was not given {PUBLIC_URL}; it was "
        "asked as other.example; its body is application/json, where Twilio sends a form"
    )


async def test_every_other_refusal_of_a_webhook_has_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "MAX_FIELDS", 30)
    async with standing() as desk:
        call_sid = new_call_sid()
        await desk.post("/voice", [("AccountSid", ACCOUNT)])
        await desk.post("/voice", [*form(call_sid), *(("a", "b"),) * 40])
        await desk.post("/voice/status", [*form(call_sid), ("Padding", "x" * 70_000)])
        phone = a_phone()
        phone.hang_up(300_000)
        await desk.dial(phone)
        await desk.quiet()
        await desk.post("/voice", form(phone.ids.call_sid))
        told = [line["why"] for line in desk.logged("webhook_refused")]
    assert told == [
        "the form has no valid CallSid",
        "the form has more than 30 fields",
        "the form is larger than 64 KiB",
        "the call is over",
    ]


async def test_an_upgrade_that_is_none_is_told() -> None:
    async with standing() as desk:
        call_sid = new_call_sid()
        token = await desk.token(call_sid)
        signed = stream_signature(AUTH_TOKEN, stream_url(PUBLIC_URL, token), "plain")
        status, _ = await refused(desk, "GET", f"/media/{token}", headers={"X-Twilio-Signature": signed})
        (line,) = desk.logged("stream_refused")
        desk.bridge(call_sid).shutdown("drained")
    assert status >= 400
    assert line["why"] == "it is no WebSocket upgrade: let the proxy pass the headers Upgrade and Connection"


async def test_strangers_who_make_up_sids_are_one_kind_in_the_log_and_write_nothing_into_it() -> None:
    async with standing() as desk:
        for number in range(5):
            for more in ("whisper/{}", "whisper/{}/key", "briefing/{}", "briefing/{}/status"):
                path = f"/voice/{more.format(f'+1555555010{number}')}"
                assert (await desk.post(path, [("CallSid", "CA" + "0" * 32)], token=None))[0] == 403
        told = [line["path"] for line in desk.logged("webhook_refused")]
        assert len(told) == 4
        assert not [path for path in told if "1555" in path]
