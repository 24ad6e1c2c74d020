"""Several processes on one port: the real command, real phones; it is as if there were one process."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Coroutine
from pathlib import Path

import pytest
from aiohttp.test_utils import make_mocked_request

from bot.server.shared.socket_handover import HANDED, SocketHandover
from bot.server.workers.gunicorn_worker import AGAIN_AFTER_S, CallWorker
from bot.testing.dialling.dial import new_call_sid
from tests.server.instance import heard_out, run_to_its_end, serving
from tests.server.simulated_server import a_phone, environment, until
from tests.server.test_webhooks import verbs


async def test_no_call_misses_its_session(tmp_path: Path) -> None:
    async with serving(tmp_path, BOT_WARM_SESSIONS="2") as instance:
        await until(lambda: len(instance.model.sessions) == 2)
        await heard_out(instance, *(a_phone() for _ in range(20)))
        await until(lambda: instance.reasons == ["caller_hung_up"] * 20)
        await until(lambda: instance.model.open_sessions == 2)
        assert len(instance.model.sessions) == 22
        for event in ("session_missed", "handover_failed", "warm_session_failed"):
            assert instance.logged(event) == []


async def test_the_processes_share_what_they_know_of_a_call(tmp_path: Path) -> None:
    async with serving(tmp_path, BOT_MAX_CALLS="2") as instance:
        here, there = sorted(instance.workers)
        call_sid = new_call_sid()
        with instance.only(here):
            void = await instance.token(call_sid)
            await until(lambda: len(instance.model.sessions) == 1)
        with instance.only(there):
            token = await instance.token(call_sid)  # Twilio has tried again
        assert instance.owner(call_sid) == here
        assert await instance.refused(void) == 403
        async with await instance.upgrade(token) as stream:
            for worker in (here, there):
                with instance.only(worker):
                    assert await instance.refused(token) == 403
                    assert (await instance.voice(call_sid))[0] == 409
            await stream.close()
        await until(lambda: instance.reasons == ["line_lost"])
        for worker in (here, there):
            with instance.only(worker):
                assert verbs((await instance.voice(call_sid))[1]) == ["Hangup"]
                assert verbs((await instance.next(call_sid))[1]) == ["Say", "Hangup"]
        assert len(instance.model.sessions) == 1


async def test_the_limit_on_calls_counts_those_of_all_processes(tmp_path: Path) -> None:
    async with serving(tmp_path, BOT_MAX_CALLS="2") as instance:
        waiting = [new_call_sid(), new_call_sid()]
        for worker, call_sid in zip(sorted(instance.workers), waiting, strict=True):
            with instance.only(worker):
                await instance.token(call_sid)
        await until(lambda: len(instance.model.sessions) == 2)
        for worker in instance.workers:
            with instance.only(worker):
                assert await instance.ready() == (200, "full\n")
                assert verbs((await instance.voice(new_call_sid()))[1]) == ["Reject"]
        for worker, call_sid in zip(sorted(instance.workers, reverse=True), waiting, strict=True):
            with instance.only(worker):  # the stream never came, says Twilio, and says it to the other
                assert verbs((await instance.next(call_sid))[1]) == ["Say", "Hangup"]
        await until(lambda: instance.reasons == ["line_lost", "line_lost"])
        assert await instance.ready() == (200, "ready\n")
        assert len(instance.model.sessions) == 2


async def test_of_two_streams_at_once_one_is_let_in(tmp_path: Path) -> None:
    async with serving(tmp_path) as instance:
        for number in range(1, 6):
            call_sid = new_call_sid()
            token = await instance.token(call_sid)
            await until(lambda number=number: len(instance.model.sessions) == number)  # type: ignore[misc]
            streams = await asyncio.gather(*(instance.upgrade(token) for _ in range(4)), return_exceptions=True)
            (let_in,) = [one for one in streams if not isinstance(one, BaseException)]
            await let_in.close()
        await until(lambda: instance.reasons == ["line_lost"] * 5)
        assert len(instance.model.sessions) == 5


async def test_a_stream_that_cannot_be_handed_over_is_served_where_it_is(tmp_path: Path) -> None:
    async with serving(tmp_path) as instance:
        here, there = sorted(instance.workers)
        phone = a_phone()
        with instance.only(here):
            await instance.token(phone.ids.call_sid)
            await until(lambda: len(instance.model.sessions) == 1)
        instance.box(here).unlink()
        with instance.only(there):
            await heard_out(instance, phone)
        await until(lambda: len(instance.logged("session_missed")) == 1)
        assert (len(instance.logged("handover_failed")), instance.reasons) == (1, ["caller_hung_up"])
        assert len(instance.model.sessions) == 2


@pytest.mark.parametrize(
    ("headers", "owner"),
    [({HANDED: "1"}, 1), ({"X-Long": "x" * 40_000}, 1), ({}, None), ({}, 0)],
    ids=["handed on before", "too long", "no owner", "its own"],
)
async def test_which_streams_stay_where_they_are(tmp_path: Path, headers: dict[str, str], owner: int | None) -> None:
    request = make_mocked_request("GET", "/media/token", headers)
    handover = SocketHandover(tmp_path)
    owner = os.getpid() if owner == 0 else owner
    assert not await handover.give(request, owner)
    handover.close()
    assert not request.transport.abort.called  # type: ignore[union-attr]


@pytest.mark.parametrize("taken", ["the port", "a TwiML file", "a recording"])
def test_what_keeps_it_from_starting_is_told_in_a_sentence(tmp_path: Path, taken: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        told = environment("ws://127.0.0.1:9/v1/realtime", WEB_CONCURRENCY="2", PORT=str(listener.getsockname()[1]))
        if taken == "a TwiML file":
            (tmp_path / "sorry.xml").write_text("<Response>")
            told |= {"BOT_TWIML_DIR": str(tmp_path)}
        if taken == "a recording":
            (tmp_path / "hello.wav").write_bytes(b"RIFF, and what is no WAV")
            told |= {"BOT_GREETING_AUDIO": str(tmp_path / "hello.wav")}
        done = run_to_its_end(told, tmp_path)
    sentences = {
        "the port": (1, "another program has that port; stop that one, or mend HOST or PORT."),
        "a TwiML file": (2, "sorry.xml is not well-formed"),
        "a recording": (2, "BOT_GREETING_AUDIO: "),
    }
    code, sentence = sentences[taken]
    assert done.returncode == code
    assert done.stderr.count("\n") == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


async def test_a_process_that_fails_at_once_does_not_fail_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    paused: list[float] = []
    monkeypatch.setattr("bot.server.workers.gunicorn_worker.time.sleep", paused.append)

    def failing(work: Coroutine[None, None, None]) -> None:
        work.close()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bot.server.workers.gunicorn_worker.run_in_loop", failing)
    with pytest.raises(OSError, match="No space left"):
        CallWorker.run(CallWorker.__new__(CallWorker))
    assert paused == [AGAIN_AFTER_S]
