"""Two instances on one Postgres: a token works once over both, and a call may be anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from bot.server.bookkeeping.store_service import keeping, prepare
from bot.testing.dialling.dial import new_call_sid
from tests.hooks.receiver import SECRET, receiving
from tests.postgres import Server
from tests.server.bookkeeping.test_call_records import stored
from tests.server.simulated_server import ServerUnderTest, form, standing, stream_of, until
from tests.server.test_webhooks import verbs
from tests.store.conftest import new_database


@asynccontextmanager
async def two(postgres: Server, **env: str) -> AsyncIterator[tuple[ServerUnderTest, ServerUnderTest]]:
    url = postgres.url(await new_database(postgres))
    async with standing(keep=keeping, DATABASE_URL=url, BOT_PII_KEY="ab" * 32, **env) as here:
        await prepare(here.settings)
        async with standing(keep=keeping, DATABASE_URL=url, BOT_PII_KEY="ab" * 32, **env) as there:
            yield here, there


@pytest.mark.parametrize("broken", [False, True])
async def test_what_a_lookup_said_holds_in_the_other_instance_too(
    postgres: Server, tmp_path: Path, *, broken: bool
) -> None:
    """Its first stream comes there, or it is carried on there."""
    (file := tmp_path / "profiles.toml").write_text('[gold]\nBOT_INSTRUCTIONS = "You talk to {{name|a caller}}."')
    async with receiving() as receiver:

        async def answer(_: web.Request) -> web.StreamResponse:
            return web.json_response({"profile": "gold", "variables": {"name": "Ann"}})

        receiver.answer = answer
        env = {"BOT_LOOKUP_URL": receiver.url, "BOT_WEBHOOK_SECRET": SECRET, "BOT_PROFILES": str(file)}
        async with two(postgres, **env) as (here, there):
            call_sid = new_call_sid()
            if broken:
                async with here.stream(call_sid) as hand:
                    await until(lambda: hand.bridge.call.state.value == "listening")
                    hand.bridge.shutdown("drained")
                    await hand.closed()
                document = (await there.post("/voice/next?profile=gold", form(call_sid, "in-progress")))[1]
                token = stream_of(document).rpartition("/")[2]
            else:
                token = await here.token(call_sid)
            async with await there.upgrade(token) as stream:
                live = there.calls.directory.find(call_sid)
                assert live is not None
                assert (live.settings.profile, live.past.leg) == ("gold", int(broken))
                assert live.bridge.call.settings.session.instructions == "You talk to Ann."
                await stream.close()
            await until(lambda: not len(here.calls.directory) and not len(there.calls.directory))
            assert len(receiver.got) == 1


async def test_a_token_works_once_over_all_instances_and_the_session_that_waits_is_let_go(postgres: Server) -> None:
    async with two(postgres) as (here, there):
        call_sid = new_call_sid()
        token = await here.token(call_sid)
        async with await there.upgrade(token) as stream:
            assert await here.refused(token) == 403
            assert await there.refused(token) == 403
            await until(lambda: not len(here.calls.directory))
            assert here.calls.needless_sessions.missed == 1
            assert here.calls.registry.counts().live == 0
            await stream.close()
        await until(lambda: not len(there.calls.directory))
        assert (await stored(there, call_sid)).summary.reason == "line_lost"


async def test_a_token_works_in_one_instance_when_both_are_asked_at_once(postgres: Server) -> None:
    async with two(postgres) as (here, there):
        token = await here.token(new_call_sid())
        streams = await asyncio.gather(here.upgrade(token), there.upgrade(token), return_exceptions=True)
        (let_in,) = [one for one in streams if not isinstance(one, BaseException)]
        await let_in.close()
        await until(lambda: not len(here.calls.directory) and not len(there.calls.directory))


async def test_a_call_that_one_instance_lost_is_carried_on_by_the_other_and_its_stream_by_either(
    postgres: Server,
) -> None:
    async with two(postgres) as (here, there):
        call_sid = new_call_sid()
        async with here.stream(call_sid) as hand:
            await until(lambda: hand.bridge.call.state.value == "listening")
            hand.bridge.shutdown("drained")
            await hand.closed()
        document = (await there.post("/voice/next", form(call_sid, "in-progress")))[1]
        assert verbs(document)[0] == "Connect"
        token = stream_of(document).rpartition("/")[2]
        async with await here.upgrade(token) as stream:  # not the one that was asked
            live = here.calls.directory.find(call_sid)
            assert live is not None
            assert live.past.leg >= 1
            assert [turn.who for turn in live.bridge.call.settings.resume] == ["bot"]
            await until(lambda: not len(there.calls.directory))
            await stream.close()
        await until(lambda: not len(here.calls.directory))
        assert (await stored(here, call_sid)).summary.reason == "line_lost"
