"""Tools of the operator's server: what is asked of it, signed, and what is made of its answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from bot.call.settings import SecretRules
from bot.tools import BadTool, SecretDigits, Toolbox, ToolContext
from bot.tools.http_tools import HttpTools
from tests.hooks.receiver import SECRET, Receiver, receiving, verified

CONTEXT = ToolContext("CA1", "+15555550142", "en")
BOOK: dict[str, Any] = {
    "name": "book",
    "description": "Book a table.",
    "parameters": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "persons": {"type": "integer", "maximum": 8}},
        "required": ["name"],
        "additionalProperties": False,
    },
    "rules": {"timeout_s": 2, "once": True, "meanwhile": "One moment."},
}


def answering(receiver: Receiver, *answers: Any, status: int = 200) -> None:
    """The list of tools first, then these answers in order."""
    left = [{"tools": [BOOK]}, *answers]

    async def answer(_: web.Request) -> web.Response:
        one = left.pop(0)
        return web.json_response(one, status=200 if "tools" in one else status)

    receiver.answer = answer


@asynccontextmanager
async def opened(*answers: Any, status: int = 200) -> AsyncIterator[tuple[Toolbox, Receiver]]:
    async with receiving("/tools?key=1") as receiver:
        answering(receiver, *answers, status=status)
        toolbox = Toolbox([HttpTools(receiver.url, SECRET)])
        try:
            await toolbox.open()
            yield toolbox, receiver
        finally:
            await toolbox.close()


async def test_the_schema_is_fetched_once_and_each_call_is_a_signed_post() -> None:
    async with opened({"result": {"table": 4}}) as (toolbox, receiver):
        (spec,) = toolbox.specs()
        assert spec.function.shown() == {
            "type": "function",
            **{key: BOOK[key] for key in ("name", "description", "parameters")},
        }
        assert (spec.rules.timeout_s, spec.rules.once, spec.rules.meanwhile) == (2, True, "One moment.")
        result = await toolbox.run("book", '{"name": "Ann"}', CONTEXT)
        assert json.loads(result.output) == {"table": 4}
        bodies = [verified(SECRET, headers, body) for headers, body in receiver.got]
    assert bodies == [
        {"type": "tools.list"},
        {
            "type": "tool.call",
            "tool": "book",
            "arguments": {"name": "Ann"},
            "call": {"sid": "CA1", "caller": "+15555550142", "language": "en"},
        },
    ]
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 2


@pytest.mark.parametrize(
    ("answer", "output", "ok", "respond"),
    [
        ({"result": "booked"}, {"result": "booked"}, True, True),
        ({}, {"result": "done"}, True, True),
        ({"result": [1], "silent": True}, [1], True, False),
        ({"error": "We are full. Offer friday."}, {"error": "We are full. Offer friday."}, False, True),
    ],
)
async def test_its_answers(answer: Any, output: Any, *, ok: bool, respond: bool) -> None:
    async with opened(answer) as (toolbox, _):
        result = await toolbox.run("book", '{"name": "Ann"}', CONTEXT)
    assert (json.loads(result.output), result.ok, result.respond) == (output, ok, respond)


@pytest.mark.parametrize(
    "arguments",
    ["{}", '{"name": 1}', '{"name": "Ann", "persons": 9}', '{"name": "Ann", "url": "http://169.254.169.254/"}'],
)
async def test_wrong_arguments_never_leave(arguments: str) -> None:
    async with opened() as (toolbox, receiver):
        result = await toolbox.run("book", arguments, CONTEXT)
        assert (result.ok, result.ran, len(receiver.got)) == (False, False, 1)


async def test_an_error_of_the_server_is_a_sentence_for_the_model_without_its_url(log: Any) -> None:
    async with opened({"detail": "trace"}, status=500) as (toolbox, receiver):
        result = await toolbox.run("book", '{"name": "Ann"}', CONTEXT)
        assert json.loads(result.output)["error"].startswith("book failed")
        assert [one["event"] for one in log.entries] == ["tool_failed"]
        assert receiver.url not in str(log.entries) + result.output


async def test_a_server_that_is_slow_is_given_up_in_the_tools_time() -> None:
    async with receiving() as receiver:
        answering(receiver)
        toolbox = Toolbox([HttpTools(receiver.url, SECRET)])
        listed = {**BOOK, "rules": {"timeout_s": 0.1}}

        async def answer(_: web.Request) -> web.Response:
            if len(receiver.got) > 1:
                await asyncio.sleep(30)
            return web.json_response({"tools": [listed]})

        receiver.answer = answer
        await toolbox.open()
        result = await toolbox.run("book", '{"name": "Ann"}', CONTEXT)
        await toolbox.close()
    assert "took too long" in json.loads(result.output)["error"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": "no such name"}, "a name that no tool may have"),
        ({"name": "end_call"}, "the bot itself"),
        ({"description": " "}, "no description"),
        ({"parameters": {"type": "array"}}, "no object"),
        ({"parameters": {"type": "nothing"}}, "no JSON schema"),
        ({"rules": {"timeout_s": -1}}, "timeout_s must be"),
        ({"rules": {"approval": "maybe"}}, "rules that are none"),
        ({"extra": 1}, "no list of tools"),
    ],
)
async def test_an_offer_that_can_not_be_used_is_refused_in_a_sentence(change: dict[str, Any], sentence: str) -> None:
    async with receiving() as receiver:

        async def answer(_: web.Request) -> web.Response:
            return web.json_response({"tools": [{**BOOK, **change}]})

        receiver.answer = answer
        with pytest.raises(BadTool, match=sentence):
            await Toolbox([HttpTools(receiver.url, SECRET)]).open()


async def test_a_server_that_is_away_takes_no_other_tools_with_it() -> None:
    async with opened() as (_, receiver):
        away = HttpTools("http://127.0.0.1:9/", SECRET)
        answering(receiver)
        toolbox = Toolbox([away, HttpTools(receiver.url, SECRET)])
        with pytest.raises(BadTool, match="could not be asked"):
            await toolbox.open()
        assert [one.name for one in toolbox.functions()] == ["book"]


async def test_a_schema_that_points_elsewhere_fetches_nothing(log: Any) -> None:
    pointing = {
        **BOOK,
        "parameters": {"type": "object", "properties": {"name": {"$ref": "http://127.0.0.1:9/name.json"}}},
    }
    async with receiving() as receiver:

        async def answer(_: web.Request) -> web.Response:
            return web.json_response({"tools": [pointing]})

        receiver.answer = answer
        toolbox = Toolbox([HttpTools(receiver.url, SECRET)])
        await toolbox.open()
        assert not (await toolbox.run("book", '{"name": "Ann"}', CONTEXT)).ok
        assert len(receiver.got) == 1


KEYED = {"type": "string", "format": "secret-digits", "minLength": 4, "maxLength": 6}


async def test_digits_that_the_caller_keys_in_are_posted_and_neither_asked_of_the_model_nor_told_it(
    capfd: pytest.CaptureFixture[str],
) -> None:
    offered = {**BOOK, "parameters": {"type": "object", "properties": {"pin": KEYED}, "required": ["pin"]}}
    async with receiving("/tools") as receiver:
        answers: list[Any] = [{"tools": [offered]}, {"result": "no customer with 907143"}, {}]

        async def answer(_: web.Request) -> web.Response:
            return web.json_response(answers.pop(0))

        receiver.answer = answer
        toolbox = Toolbox([HttpTools(receiver.url, SECRET)])
        await toolbox.open()
        (spec,) = toolbox.specs()
        assert spec.function.parameters == {"type": "object", "properties": {}, "required": []}
        assert spec.rules.secret == SecretRules(4, 6)
        context = ToolContext("CA1", secret=SecretDigits("907143"))
        outputs = [(await toolbox.run("book", "{}", context)).output for _ in range(2)]
        await toolbox.close()
        assert [verified(SECRET, *one)["arguments"] for one in receiver.got[1:]] == [{"pin": "907143"}] * 2
    assert outputs == [
        '{"result": "no customer with ***"}',
        '{"result": "The digits were entered and are valid."}',
    ]
    printed = capfd.readouterr()
    assert "907143" not in printed.out + printed.err


async def test_a_tool_that_takes_two_secret_numbers_is_refused_at_the_start() -> None:
    offered = {**BOOK, "parameters": {"type": "object", "properties": {"pin": KEYED, "card": KEYED}}}
    async with receiving("/tools") as receiver:

        async def answer(_: web.Request) -> web.Response:
            return web.json_response({"tools": [offered]})

        receiver.answer = answer
        toolbox = Toolbox([HttpTools(receiver.url, SECRET)])
        with pytest.raises(BadTool, match="twice"):
            await toolbox.open()
        await toolbox.close()
