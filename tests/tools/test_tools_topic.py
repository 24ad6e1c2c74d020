"""The examples of the topic `tools`: they run, and do what the text says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from bot.call.settings import ToolRules
from bot.docs import source
from bot.tools import Toolbox, ToolContext
from bot.tools.http_tools import HttpTools
from bot.tools.python.module import ModuleTools
from tests.hooks.receiver import SECRET, receiving

TEXT = source("tools")
CONTEXT = ToolContext("CA1", "+15555550142", "en")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


async def test_the_module_runs_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "restaurant_of_the_manual.py"
    path.write_text(blocks("python")[0])
    toolbox = Toolbox([ModuleTools(str(path))])
    await toolbox.open()
    try:
        assert [one.name for one in toolbox.functions()] == ["book_table", "remember"]
        assert toolbox.rules()[0] == ToolRules("book_table", once=True, meanwhile="One moment, I look into the book.")
        table = {"name": "Ann", "day": "2026-12-24", "persons": 8}
        booked = await toolbox.run("book_table", json.dumps(table), CONTEXT)
        assert json.loads(booked.output) == {"booked": "2026-12-24", "name": "Ann", "language": "en"}
        full = await toolbox.run("book_table", json.dumps(table), CONTEXT)
        assert json.loads(full.output) == {"error": "We are full on that day. Offer the day after."}
        noted = await toolbox.run("remember", '{"note": "A birthday."}', CONTEXT)
        assert not noted.respond
    finally:
        await toolbox.close()


async def test_the_messages_of_a_server_are_those_that_are_sent_and_taken() -> None:
    asks, offer, call = (json.loads(one) for one in blocks("json"))
    async with receiving() as receiver:

        async def answer(_: web.Request) -> web.Response:
            return web.json_response(offer if len(receiver.got) == 1 else {"result": "nine to five"})

        receiver.answer = answer
        toolbox = Toolbox([HttpTools(receiver.url, SECRET)])
        await toolbox.open()
        context = ToolContext(call["call"]["sid"], call["call"]["caller"], call["call"]["language"])
        result = await toolbox.run(call["tool"], json.dumps(call["arguments"]), context)
        await toolbox.close()
        assert receiver.bodies == [asks, call]
    assert json.loads(result.output) == {"result": "nine to five"}
    assert toolbox.rules()[0].timeout_s == 3


def test_the_table_of_rules_has_every_rule_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| `?(.*?)`? \|", TEXT, re.MULTILINE))
    not_chosen = {"name", "secret", "ran"}  # the function's parameters say the second, the call the third
    chosen = [one for one in msgspec.structs.fields(ToolRules) if one.name not in not_chosen]
    fields: dict[str, Any] = {one.name: one.default for one in chosen}
    told = {
        name: {True: "yes", False: "no"}.get(value, value)
        if isinstance(value, bool)
        else f"{value:g}"
        if isinstance(value, float)
        else value
        for name, value in fields.items()
    }
    assert rows == told
