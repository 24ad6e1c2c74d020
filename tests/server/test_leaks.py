"""The guards that look for what a test leaves behind are shown to find it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from bot.server.calls import process_timer
from bot.server.calls.process_timer import ProcessTimer
from bot.server.directory.departure import RedirectedCalls
from bot.server.workers.server_process import Server
from bot.twilio.twiml import xml_text
from tests.server.leaks import anything_left, lasting, open_sockets, sockets_left, tasks_left, timers_left
from tests.waiting import EVER_S, GIVE_UP_S


def _of_ours() -> dict[str, Callable[..., Any]]:
    server, rounds = Server.__new__(Server), RedirectedCalls()
    named = eval("lambda: None", vars(process_timer))
    return {
        "a function": xml_text,
        "a bound method": server.stop,
        "a method of an object with slots or none": rounds.send,
        "a class": ProcessTimer,
        "a lambda": named,
        "a partial": partial(partial(server.stop, 15), 2),
        "a partial of a function": partial(xml_text, ""),
    }


@pytest.mark.parametrize("what", _of_ours())
async def test_a_timer_of_ours_is_seen_whatever_it_calls(what: str) -> None:
    timer = asyncio.get_running_loop().call_later(EVER_S, _of_ours()[what])
    assert len(timers_left()) == len(lasting()) == 1
    timer.cancel()
    assert timers_left() == lasting() == []


async def test_a_socket_that_waits_to_be_aborted_is_seen() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        _, writer = await asyncio.open_connection(sock=ours)
        timer = asyncio.get_running_loop().call_later(EVER_S, writer.transport.abort)
        assert len(timers_left()) == 1
        assert len(sockets_left()) == 1
        timer.cancel()
        writer.transport.abort()


async def test_a_timer_that_fires_soon_is_left_and_does_not_last() -> None:
    timer = asyncio.get_running_loop().call_later(0.5, RedirectedCalls().send, "")
    assert (len(timers_left()), lasting()) == (1, [])
    timer.cancel()


async def test_timers_of_others_are_none_of_ours() -> None:
    loop = asyncio.get_running_loop()
    timers = [loop.call_later(EVER_S, one) for one in (print, loop.stop, GIVE_UP_S.hex, partial(print, "bot."))]
    assert timers_left() == []
    for timer in timers:
        timer.cancel()


async def test_a_task_and_an_open_socket_are_seen() -> None:
    before = open_sockets()
    assert tasks_left() == []
    forever = asyncio.create_task(asyncio.Event().wait())
    assert len(tasks_left()) == 1
    with socket.socket():
        assert anything_left(before)[1:] == ["a socket"] * (open_sockets() - before)
        assert open_sockets() in {before + 1, 0}  # 0 where the system does not list them
    forever.cancel()
    await asyncio.wait([forever])
    assert anything_left(before) == []
