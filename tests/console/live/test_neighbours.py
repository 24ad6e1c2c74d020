"""What the processes of one instance tell one another for their pages, and what becomes of one that is gone or slow."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from bot.console.live import neighbours
from bot.console.live.neighbours import Event, Events, Neighbours, heard


def told(*events: Event) -> Neighbours:
    async def own() -> Events:
        for event in events:
            yield event

    return Neighbours(own)


async def test_events_arrive_as_they_were_told_and_end_with_those_of_the_process(tmp_path: Path) -> None:
    events: list[Event] = [("rows", [{"sid": "CA1", "last": "\n"}]), ("news", {"sid": "CA1", "text": "ü\u2028"})]
    one = told(*events)
    await one.open(tmp_path)
    (path,) = tmp_path.iterdir()  # noqa: ASYNC240  nothing else runs
    try:
        assert [event async for event in heard(path)] == events
        assert one.others() == []
    finally:
        await one.close()
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240  nothing else runs


async def test_a_page_that_is_closed_while_nothing_happens_is_told_nothing_any_more(tmp_path: Path) -> None:
    ended = asyncio.Event()

    async def quiet() -> Events:
        try:
            yield "rows", {}
            await asyncio.Event().wait()
        finally:
            ended.set()

    one = Neighbours(quiet)
    await one.open(tmp_path)
    (path,) = tmp_path.iterdir()  # noqa: ASYNC240  nothing else runs
    left = heard(path)
    assert await anext(left) == ("rows", {})
    await left.aclose()  # type: ignore[attr-defined]
    async with asyncio.timeout(60):
        await ended.wait()
    await one.close()


async def test_a_page_that_is_closed_and_a_process_that_stops_leave_nothing_behind(tmp_path: Path) -> None:
    ended: list[str] = []

    async def endless() -> Events:
        try:
            while True:
                yield "news", {}
                await asyncio.sleep(0)
        finally:
            ended.append("told")

    one = Neighbours(endless)
    await one.open(tmp_path)
    (path,) = tmp_path.iterdir()  # noqa: ASYNC240  nothing else runs
    left, stays = heard(path), heard(path)
    assert await anext(left) == await anext(stays) == ("news", {})
    await left.aclose()  # type: ignore[attr-defined]
    async with asyncio.timeout(60):
        while not ended:  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(0)
    await one.close()
    assert ended == ["told", "told"]
    assert [event async for event in stays][-1:] in ([], [("news", {})])


@pytest.mark.parametrize("sent", [b"", b'["news"', b"nonsense\n", b'["news"]\n', b"x" * 5_000 + b"\n"])
async def test_one_that_was_killed_or_breaks_off_is_no_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(neighbours, "LONGEST_LINE", 1_000)

    async def says(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        writer.close()

    path = tmp_path / "1.live"
    server = await asyncio.start_unix_server(says, path)
    assert [event async for event in heard(path)] == []
    server.close()


async def test_a_socket_that_nobody_listens_on_is_nobody_s(tmp_path: Path) -> None:
    path = tmp_path / "1.live"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    assert [event async for event in heard(path)] == []
    assert [event async for event in heard(tmp_path / "2.live")] == []
