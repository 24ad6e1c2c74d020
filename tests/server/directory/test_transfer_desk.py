"""The desk that says if a destination may be promised: the list, the hours, the call's transfers, the operator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.config import Settings, load_settings
from bot.server.directory import transfer_desk
from bot.server.directory.transfer_desk import TransferDesk
from bot.server.shared.call_registry import CallRegistry
from bot.server.shared.transfers import MOST, Transfers
from tests.hooks.receiver import SECRET, Receiver, receiving, verified

SID = "CA" + "a" * 32
MONDAY = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
LIST = """
[sales]
number = "+15555550123"
hours = ["Mon 09:00-17:00"]
zone = "Europe/Berlin"
[garage]
number = "+15555550124"
hours = ["Tue 09:00-17:00"]
zone = "Europe/Berlin"
closed = "The garage is there on Tuesdays."
[shop]
number = "+15555550125"
hours = ["Tue 09:00-17:00"]
zone = "Europe/Berlin"
"""


def settings(tmp_path: Path, **more: str) -> Settings:
    path = tmp_path / "transfer.toml"
    path.write_text(LIST)
    return load_settings({"BOT_TRANSFER": str(path), "BOT_WEBHOOK_SECRET": SECRET, **more})


@pytest.fixture
async def one() -> AsyncIterator[TransferDesk]:
    """A desk on a Monday at nine in Berlin."""
    registry = CallRegistry(lambda: 1_000.0)
    desk = TransferDesk(Transfers(registry.transfers), now=lambda: MONDAY)
    yield desk
    await desk.close()
    registry.close()


async def test_only_who_is_on_the_list_and_there_may_be_promised(one: TransferDesk, tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    assert await one.refusal(chosen, SID, "sales") == ""
    assert await one.refusal(chosen, SID, "garage") == "The garage is there on Tuesdays."
    assert await one.refusal(chosen, SID, "shop") == "shop is closed now. It opens again Tue 09:00."
    for name in ("", "Sales", "+15555550123", "sales ", "sip:sales@example.com"):
        assert await one.refusal(chosen, SID, name) == transfer_desk.UNKNOWN


async def test_a_chain_of_transfers_is_bounded(one: TransferDesk, tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    for leg in range(MOST):
        assert await one.refusal(chosen, SID, "sales") == ""
        one.transfers.begin(SID, leg, "sales", "")
        one.transfers.begin(SID, leg, "sales", "")
        one.transfers.over(SID, leg, "busy")
    assert await one.refusal(chosen, SID, "sales") == transfer_desk.TOO_OFTEN
    assert await one.refusal(chosen, SID.replace("a", "b"), "sales") == ""


def answering(receiver: Receiver, told: Any, status: int = 200) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(told, status=status)

    receiver.answer = answer


async def test_the_operator_is_asked_by_a_signed_post_before_anything_is_promised(
    one: TransferDesk, tmp_path: Path
) -> None:
    async with receiving("/free") as receiver:
        chosen = settings(tmp_path, BOT_TRANSFER_CHECK_URL=receiver.url)
        answering(receiver, {"free": True})
        assert await one.refusal(chosen, SID, "sales") == ""
        (headers, body) = receiver.got[0]
        asked = {"type": "transfer.check", "timestamp": MONDAY.isoformat()}
        assert verified(SECRET, headers, body) == {**asked, "data": {"call_sid": SID, "destination": "sales"}}
        answering(receiver, {"free": False})
        assert await one.refusal(chosen, SID, "sales") == "sales is not free at the moment."
        answering(receiver, {"free": False, "say": "They are at lunch until one."})
        assert await one.refusal(chosen, SID, "sales") == "They are at lunch until one."
        answering(receiver, {"free": False, "say": "x" * 400})
        assert await one.refusal(chosen, SID, "sales") == "x" * 300
        asked_so_far = len(receiver.got)
        assert await one.refusal(chosen, SID, "garage") != ""
        assert len(receiver.got) == asked_so_far, "whoever is closed is not asked about"


@pytest.mark.parametrize(
    ("told", "status"),
    [({}, 200), ([], 200), ({"free": "yes"}, 200), ({"free": 1}, 200), ({"free": True}, 500), (None, 302)],
)
async def test_an_answer_that_does_not_say_so_promises_nothing(
    one: TransferDesk, tmp_path: Path, told: Any, status: int
) -> None:
    async with receiving("/free") as receiver:
        answering(receiver, told, status)
        refusal = await one.refusal(settings(tmp_path, BOT_TRANSFER_CHECK_URL=receiver.url), SID, "sales")
        assert refusal == transfer_desk.UNTOLD.format(name="sales")


async def test_a_server_that_is_not_there_promises_nothing(one: TransferDesk, tmp_path: Path) -> None:
    async with receiving("/free") as receiver:
        url = receiver.url
    refusal = await one.refusal(settings(tmp_path, BOT_TRANSFER_CHECK_URL=url), SID, "sales")
    assert refusal == transfer_desk.UNTOLD.format(name="sales")
