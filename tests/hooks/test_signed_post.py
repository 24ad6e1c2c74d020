"""Signed requests over a socket, judged by the `standardwebhooks` package, and every answer that is none."""

from __future__ import annotations

import asyncio
import base64
import time

import pytest
from aiohttp import web

from bot.hooks.signed_post import MAX_ANSWER_BYTES, Answer, HookFailed, SignedPost
from bot.hooks.webhook_signature import signed_headers
from tests.hooks.receiver import SECRET, Receiver, receiving, verified

OTHER = base64.b64encode(bytes(range(32))).decode()


def _answers(receiver: Receiver, response: dict) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(**response)

    receiver.answer = answer


async def _failure(receiver: Receiver, timeout_s: float = 5.0) -> HookFailed:
    async with SignedPost(receiver.url, SECRET, timeout_s) as post:
        with pytest.raises(HookFailed) as caught:
            (await post.send({"a": 1})).json  # noqa: B018
    return caught.value


@pytest.mark.parametrize("secret", [SECRET, SECRET.removeprefix("whsec_"), OTHER, OTHER.rstrip("=")])
async def test_somebody_elses_verifier_believes_it(secret: str) -> None:
    message = {"type": "call.started", "data": {"text": "Grüße \u2028 🎉", "n": 1.5}}
    async with receiving() as receiver, SignedPost(receiver.url, secret, 5) as post:
        assert await post.send(message, "msg_1") == Answer(204, b"")
    ((headers, body),) = receiver.got
    assert verified(secret, headers, body) == message
    assert (headers["webhook-id"], headers["content-type"]) == ("msg_1", "application/json")


async def test_somebody_elses_verifier_refuses_another_body_id_time_or_secret() -> None:
    async with receiving() as receiver, SignedPost(receiver.url, SECRET, 5) as post:
        await post.send({"a": 1})
    ((headers, body),) = receiver.got
    for headers_, body_, secret in (
        (headers, body.replace(b"1", b"2"), SECRET),
        (headers | {"webhook-id": "msg_other"}, body, SECRET),
        (headers | {"webhook-timestamp": str(int(headers["webhook-timestamp"]) - 1)}, body, SECRET),
        (headers, body, OTHER),
    ):
        with pytest.raises(Exception, match="No matching signature"):
            verified(secret, headers_, body_)


async def test_a_request_that_is_replayed_later_is_refused() -> None:
    async with receiving() as receiver, SignedPost(receiver.url, SECRET, 5, now=lambda: time.time() - 301) as post:
        await post.send({"a": 1})
    ((headers, body),) = receiver.got
    with pytest.raises(Exception, match="too old"):
        verified(SECRET, headers, body)


async def test_while_rotating_whoever_has_either_secret_believes_it() -> None:
    async with receiving() as receiver, SignedPost(receiver.url, f"{SECRET}, {OTHER}", 5) as post:
        await post.send({"a": 1})
    ((headers, body),) = receiver.got
    assert verified(SECRET, headers, body) == verified(OTHER, headers, body) == {"a": 1}


def test_the_example_of_the_specification_has_its_signature() -> None:
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed_headers([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_each_message_without_an_id_gets_one_of_its_own() -> None:
    async with receiving() as receiver, SignedPost(receiver.url, SECRET, 5) as post:
        await post.send({})
        await post.send({})
    first, second = (headers["webhook-id"] for headers, _ in receiver.got)
    assert first.startswith("msg_") and first != second  # noqa: PT018


async def test_the_answer_is_json() -> None:
    async with receiving() as receiver, SignedPost(receiver.url, SECRET, 5) as post:
        _answers(receiver, {"text": '{"free": true}', "status": 201, "content_type": "application/json"})
        answer = await post.send({})
        assert (answer.status, answer.json) == (201, {"free": True})
        _answers(receiver, {"text": "\n"})
        assert (await post.send({})).json is None


@pytest.mark.parametrize(
    ("response", "told"),
    [
        ({"text": "<html>", "status": 200}, "the answer is no JSON"),
        ({"body": b"\xff\xfe", "status": 200}, "the answer is no JSON"),
        ({"text": "[" * 60_000, "status": 200}, "the answer is no JSON"),
        ({"body": b" " * (MAX_ANSWER_BYTES + 1), "status": 200}, "the answer is longer than 64 KiB"),
        ({"text": "{}", "status": 404}, "the answer is 404"),
        ({"text": "{}", "status": 500}, "the answer is 500"),
        (
            {"status": 307, "headers": {"location": "http://127.0.0.1:9/"}},
            "the answer is a redirect (307), which is not followed: give the final URL",
        ),
    ],
)
async def test_an_answer_that_is_none_is_a_sentence(response: dict, told: str) -> None:
    async with receiving() as receiver:
        _answers(receiver, response)
        assert str(await _failure(receiver)) == told
        assert len(receiver.got) == 1


async def test_a_redirect_to_another_door_is_never_followed() -> None:
    async with receiving() as receiver, receiving() as elsewhere:
        _answers(receiver, {"status": 308, "headers": {"location": elsewhere.url}})
        assert (await _failure(receiver)).status == 308
        assert elsewhere.got == []


async def test_a_long_answer_to_what_only_had_to_arrive_has_arrived() -> None:
    async with receiving() as receiver, SignedPost(receiver.url, SECRET, 5) as post:
        _answers(receiver, {"body": b"x" * 1_000_000})
        answer = await post.send({})
    assert (answer.status, len(answer.body), answer.too_long) == (200, MAX_ANSWER_BYTES, True)


@pytest.mark.parametrize(
    ("given", "s"), [("120", 120), ("999999999", 86400), ("-1", 0), ("²", 0), ("soon", 0), ("", 0)]
)
async def test_a_server_that_asks_for_a_pause_is_understood(given: str, s: float) -> None:
    async with receiving() as receiver:
        _answers(receiver, {"status": 429, "headers": {"retry-after": given}})
        failed = await _failure(receiver)
    assert (failed.status, failed.retry_after_s) == (429, s)


async def test_a_server_that_never_answers_is_given_up_in_time() -> None:
    async with receiving() as receiver:
        gone = asyncio.Event()

        async def silent(request: web.Request) -> web.StreamResponse:
            await gone.wait()
            return web.Response()

        receiver.answer = silent
        failed = await _failure(receiver, timeout_s=0.05)
        gone.set()
    assert (str(failed), failed.status) == ("no answer within 0.05 s", 0)


async def test_an_answer_that_trickles_for_ever_is_given_up_in_time() -> None:
    async with receiving() as receiver:
        gone = asyncio.Event()

        async def trickle(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            await response.write(b"{")
            await gone.wait()
            return response

        receiver.answer = trickle
        assert str(await _failure(receiver, timeout_s=0.1)) == "no answer within 0.1 s"
        gone.set()


async def test_no_server_is_a_sentence_without_the_url() -> None:
    async with receiving("/secret-path?code=secret") as receiver:
        url = receiver.url
    async with SignedPost(url, SECRET, 5) as post:
        with pytest.raises(HookFailed) as caught:
            await post.send({})
    assert "secret" not in str(caught.value)
    assert str(caught.value).startswith("no connection (")


async def test_what_is_no_json_is_not_sent() -> None:
    async with receiving() as receiver, SignedPost(receiver.url, SECRET, 5) as post:
        for strange in ({"a": object()}, {"a": "\ud800"}):
            with pytest.raises(HookFailed, match="can't be written as JSON"):
                await post.send(strange)
    assert receiver.got == []
