"""Calls that are sent round by a process that leaves, and the bounds that follow from each other."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from bot.config import load_settings
from bot.server.bookkeeping.store_service import LAST_ROWS_S
from bot.server.directory.departure import ASK_S, HOLDS, LEAVE_S, ROUND_S, Phase, RedirectedCalls
from bot.server.directory.live_calls import LiveCalls
from bot.server.http.app import STOP_S
from bot.server.http.app_keys import Listener
from bot.server.workers.drain import drain
from bot.server.workers.gunicorn_worker import KILL_AFTER_DRAIN_S
from bot.testing.dialling.dial import new_call_sid
from bot.twilio.twiml import HOLD_S, TwimlError, TwimlFiles
from tests.server.simulated_server import form, standing, until
from tests.server.test_webhooks import verbs
from tests.waiting import EVER_S

CALL, OTHER = "CA" + "1" * 32, "CA" + "2" * 32


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_a_call_sent_round_is_waited_for_until_it_has_come_or_must_have() -> None:
    clock = Clock()
    rounds = RedirectedCalls(clock)
    assert not rounds.out
    rounds.send(CALL)
    rounds.send(OTHER)
    clock.now_s += ROUND_S - 0.01
    rounds.send(CALL)  # it came, and was sent round once more
    assert rounds.out
    clock.now_s += 0.01
    assert rounds.out
    rounds.came(CALL)
    assert not rounds.out
    rounds.came(CALL)
    rounds.send(OTHER)
    clock.now_s += ROUND_S
    assert not rounds.out


def test_a_process_answers_for_as_long_as_it_may_send_a_call_round() -> None:
    """A caller who takes all the time there is for each question is answered the last one too."""
    asked_s = ASK_S
    for _ in range(HOLDS):
        asked_s += HOLD_S + ASK_S
    assert asked_s <= LEAVE_S


def test_a_manager_kills_nobody_who_is_still_answering_or_storing() -> None:
    assert LEAVE_S + STOP_S + LAST_ROWS_S < KILL_AFTER_DRAIN_S


@pytest.mark.parametrize(
    ("pauses", "waits_s"),
    [('<Pause length="3"/>', "3"), ("<Pause/><Pause/>", "2"), ('<Pause length="1"/><Pause length="1"/>', "2")],
)
def test_a_pause_of_the_operators_own_that_is_longer_than_the_process_waits_is_refused(
    tmp_path: Path, pauses: str, waits_s: str
) -> None:
    (tmp_path / "hold.xml").write_text(f"<Response>{pauses}<Redirect>${{voice_url}}</Redirect></Response>")
    with pytest.raises(TwimlError, match=rf"waits for {waits_s} s, .* after 1 s; shorten its <Pause>\.$"):
        TwimlFiles(tmp_path)


@pytest.mark.parametrize("pause", ['<Pause length="1"/>', "<Pause/>", '<Pause length="0"/>', ""])
def test_a_pause_as_long_as_the_process_waits_is_taken(tmp_path: Path, pause: str) -> None:
    (tmp_path / "hold.xml").write_text(f"<Response>{pause}<Redirect>${{voice_url}}</Redirect></Response>")
    assert "<Redirect>x</Redirect>" in TwimlFiles(tmp_path).render("hold", voice_url="x")


async def test_a_process_without_a_call_stays_for_the_one_that_it_sent_round() -> None:
    calls = LiveCalls(load_settings({}))
    clock = Clock()
    calls.departure.redirected = RedirectedCalls(clock)
    calls.departure.redirected.send(CALL)
    leaving = asyncio.create_task(drain(calls, Listener(), 0, asyncio.Event()))
    await until(lambda: calls.departure.ending)
    for _ in range(50):
        await asyncio.sleep(0)
    assert not leaving.done()
    calls.departure.redirected.came(CALL)
    await leaving


async def test_a_stream_that_comes_after_the_stop_is_let_in_so_that_what_follows_is_asked() -> None:
    async with standing() as desk:
        call_sid = new_call_sid()
        token = await desk.token(call_sid)
        desk.calls.departure.phase = Phase.LEAVING
        await desk.calls.departure.close()
        assert desk.calls.registry.counts(EVER_S).unasked == 1
        async with await desk.upgrade(token) as stream:
            assert (await stream.receive()).type is aiohttp.WSMsgType.CLOSE
        assert verbs((await desk.post("/voice/next", form(call_sid, "in-progress")))[1]) == ["Pause", "Redirect"]
        assert desk.calls.departure.redirected.out
        again = await desk.post(f"/voice/next?held={HOLDS}", form(call_sid, "in-progress"))
        assert verbs(again[1]) == ["Say", "Hangup"]
        assert not desk.calls.departure.redirected.out
        assert desk.calls.registry.counts(EVER_S).unasked == 0


async def test_a_new_call_is_sent_round_until_calls_are_being_ended_and_is_busy_then() -> None:
    async with standing() as desk:
        call_sid = new_call_sid()
        desk.calls.departure.phase = Phase.DRAINING
        assert verbs((await desk.voice(call_sid))[1]) == ["Pause", "Redirect"]
        assert desk.calls.departure.redirected.out
        desk.calls.departure.phase = Phase.LEAVING
        assert "busy" in (await desk.voice(call_sid))[1]
        assert not desk.calls.departure.redirected.out
        assert [entry["why"] for entry in desk.logged("call_refused")] == ["draining"] * 2


@pytest.mark.parametrize(("path", "fallback"), [("/voice/dialled", "+15555550123"), ("/voice/recorded", "voicemail")])
async def test_what_becomes_of_a_fallback_is_waited_for_a_little(path: str, fallback: str) -> None:
    async with standing(BOT_FALLBACK=fallback) as desk:
        call_sid = new_call_sid()
        await desk.token(call_sid)
        desk.calls.departure.phase = Phase.LEAVING
        await desk.calls.departure.close()
        await desk.post(f"/voice/next?held={HOLDS}", form(call_sid, "in-progress"))
        assert desk.calls.departure.redirected.out
        await desk.post(path, form(call_sid, "in-progress"))
        assert not desk.calls.departure.redirected.out
