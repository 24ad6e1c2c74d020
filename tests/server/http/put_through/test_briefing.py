"""A person whom the bot calls by itself and tells of the caller: each webhook of that call, by hand."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.call.handoff.transfer import TRANSFER_CALL
from bot.server.bookkeeping.store_service import keeping
from bot.server.http.put_through import briefing
from bot.server.setup.briefing_settings import CALLER, TOLD
from bot.testing import Mishap, SimulatedTwilio
from bot.testing.dialling.dial import new_call_sid
from tests.server.http.put_through.calls_put_through import SALES, SUMMARY, Twilio, desk_with_sales, known, transferring
from tests.server.simulated_server import ACCOUNT, AUTH_TOKEN, ServerUnderTest, form, until
from tests.server.test_webhooks import verbs

CALLED = "+15555550100"


class Account:
    """The simulated account, a desk that briefs, and a call that waits for its person."""

    def __init__(self, desk: ServerUnderTest, rest: SimulatedTwilio, call_sid: str) -> None:
        self.desk, self.rest, self.call_sid = desk, rest, call_sid
        self.twilio = Twilio(desk, call_sid)

    @property
    def child(self) -> str:
        return known(self.desk, self.call_sid).child

    async def ask(self, more: str, sid: str = "", status: str = "in-progress", **fields: str) -> str:
        path = f"/voice/briefing/{self.call_sid}{more}?leg=0"
        code, text = await self.desk.post(path, [*form(sid or self.child, status), *fields.items()])
        assert code in {200, 204}
        return text

    def instructed(self, session: int) -> tuple[str, list[str]]:
        """Instructions and system items of a session."""
        made = self.desk.model.sessions[session]
        system = [one for one in made.conversation if one.role == "system"]
        texts = ["".join(part.get("text", "") for part in one.content()) for one in system]
        return str(made.session["instructions"]), texts


@contextlib.asynccontextmanager
async def waiting(directory: Path, *mishaps: Mishap, **knobs: Any) -> AsyncIterator[Account]:
    """The bot's stream has ended for a transfer of mode briefing."""
    path = directory / "transfer.toml"
    path.write_text(f'[sales]\nnumber = "{SALES}"\nmode = "briefing"\n')
    account = SimulatedTwilio(account_sid=ACCOUNT, auth_token=AUTH_TOKEN, numbers=(CALLED,), by_hand=True)
    settings = {"BOT_TRANSFER_NUMBERS": "", "BOT_TRANSFER": str(path), **knobs}
    async with account as rest, desk_with_sales(TWILIO_API_URL=rest.url, **settings) as desk, transferring(desk) as sid:
        for mishap in mishaps:
            rest.go_wrong("create_call", mishap)
        yield Account(desk, rest, sid)


async def test_the_person_is_called_once_and_the_caller_waits(tmp_path: Path) -> None:
    async with waiting(tmp_path) as one:
        for _ in range(2):
            assert verbs(await one.twilio.next()) == ["Dial", "Hangup"]
        assert one.rest.asked == ["create_call"]
        assert one.rest.calls[one.child].to == SALES
        await one.twilio.gone()


async def test_what_the_caller_said_is_no_instruction_to_the_bot_that_briefs(tmp_path: Path) -> None:
    async with waiting(tmp_path) as one:
        await one.twilio.next()
        child = one.child
        assert verbs(await one.ask("", child))[0] == "Connect"
        assert verbs(await one.ask("", child))[0] == "Connect", "asked again it is the same session"
        await until(lambda: len(one.desk.model.sessions) == 2 and one.instructed(1)[1])
        instructions, system = one.instructed(1)
        assert system == [TOLD.format(destination="sales")]
        assert SUMMARY not in instructions
        told = one.desk.model.sessions[1]
        assert [item.role for item in told.conversation][:2] == ["assistant", "system"]
        tools = {tool["name"]: tool for tool in told.session["tools"]}
        assert set(tools) == {"end_call", TRANSFER_CALL}
        assert tools[TRANSFER_CALL]["parameters"]["properties"]["destination"]["enum"] == [CALLER]
        one.desk.bridge(child).shutdown("line_lost")
        await one.twilio.gone()


@pytest.mark.parametrize(
    ("status", "result"),
    [("busy", "busy"), ("no-answer", "no_answer"), ("failed", "failed"), ("canceled", "no_answer")],
)
async def test_a_person_who_does_not_answer_brings_the_caller_back(tmp_path: Path, status: str, result: str) -> None:
    async with waiting(tmp_path) as one:
        await one.twilio.next()
        for _ in range(2):
            await one.ask("/status", status=status)
        assert known(one.desk, one.call_sid).result == result
        assert one.rest.asked == ["create_call", "update_call"]
        assert verbs(await one.twilio.dialled("", bridged=None))[0] == "Connect"
        await one.twilio.gone()


async def test_a_machine_is_hung_up_on(tmp_path: Path) -> None:
    async with waiting(tmp_path) as one:
        await one.twilio.next()
        await one.ask("/machine", AnsweredBy="human")
        assert known(one.desk, one.call_sid).result == ""
        await one.ask("/machine", AnsweredBy="machine_start")
        assert known(one.desk, one.call_sid).result == "not_taken"
        assert one.rest.asked == ["create_call", "update_call", "update_call"]
        await one.twilio.gone()


async def test_the_person_of_another_process_s_caller_talks_to_the_bot_of_that_call_s_profile(tmp_path: Path) -> None:
    """Only the process of the caller's call remembers it; every webhook names its profile."""
    (profiles := tmp_path / "profiles.toml").write_text('[clinic]\nnumbers = ["+15555550199"]\nBOT_VOICE = "cedar"\n')
    async with waiting(tmp_path, BOT_PROFILES=str(profiles)) as one:
        await one.twilio.next()
        one.desk.calls.past_calls.drop(one.call_sid)
        child = one.child
        path = f"/voice/briefing/{one.call_sid}?leg=0&profile=clinic"
        assert (await one.desk.post(path, form(child, "in-progress")))[0] == 200
        live = one.desk.calls.directory.find(child)
        assert live is not None
        assert (live.settings.profile, live.settings.voice) == ("clinic", "cedar")
        live.bridge.shutdown("line_lost")
        await one.twilio.gone()


async def test_who_was_called_is_known_to_a_server_that_was_started_anew(tmp_path: Path) -> None:
    """Else a caller who has talked to the person is told afterwards that nobody took the call."""
    store = {"BOT_RECORD_DIR": str(tmp_path)}
    async with waiting(tmp_path, keep=keeping, **store) as one:
        await one.twilio.next()
        child = one.child
        await one.ask("", child)
        one.desk.calls.transfers.taken(one.call_sid, 0)
        one.desk.bridge(child).shutdown("line_lost")
        await one.desk.quiet()
    async with desk_with_sales(keep=keeping, **store) as anew:
        found = await anew.calls.transfers.find(one.call_sid)
        assert found is not None
        assert found.child == child
        assert verbs(await Twilio(anew, one.call_sid).dialled("", bridged=None, there=False)) == ["Hangup"]
        assert known(anew, one.call_sid).result == "connected"


async def test_a_call_that_cant_be_placed_brings_the_caller_back_at_once(tmp_path: Path) -> None:
    async with waiting(tmp_path, Mishap(status=400, code=21215)) as one:
        assert verbs(await one.twilio.next())[0] == "Connect"
        assert known(one.desk, one.call_sid).result == "failed"
        await one.twilio.gone()


async def test_a_caller_waits_for_nobody_whom_a_process_died_without_having_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(briefing, "PLACE_S", 0.2)
    async with waiting(tmp_path) as one:
        assert one.desk.calls.transfers.again(one.call_sid, 0)  # by the process that died then
        assert verbs(await one.twilio.next())[0] == "Connect"
        assert (known(one.desk, one.call_sid).result, one.rest.asked) == ("failed", [])
        await one.twilio.gone()


async def test_a_caller_waits_with_music_for_whom_another_process_is_calling(tmp_path: Path) -> None:
    async with waiting(tmp_path) as one:
        assert one.desk.calls.transfers.again(one.call_sid, 0)
        asking = asyncio.create_task(one.twilio.next())
        await asyncio.sleep(0)
        one.desk.calls.transfers.placed(one.call_sid, 0, new_call_sid())
        assert verbs(await asking) == ["Dial", "Hangup"]
        await one.twilio.gone()


async def test_nobody_is_joined_by_a_webhook_alone(tmp_path: Path) -> None:
    async with waiting(tmp_path) as one:
        await one.twilio.next()
        assert verbs(await one.ask("/next", new_call_sid())) == ["Hangup"]
        assert known(one.desk, one.call_sid).taken_s is None
        assert known(one.desk, one.call_sid).result == "not_taken"
        path = f"/voice/briefing/{one.call_sid}/next?leg=0"
        assert (await one.desk.post(path, form(one.child), token="x"))[0] == 403
        assert (await one.desk.post("/voice/briefing/nonsense?leg=0", form(one.child)))[0] == 404
        await one.twilio.gone()


@pytest.mark.parametrize("told_first", ["status", "dialled"])
async def test_a_caller_who_hangs_up_takes_the_persons_call_down(tmp_path: Path, told_first: str) -> None:
    async with waiting(tmp_path) as one:
        await one.twilio.next()
        if told_first == "status":
            await one.twilio.gone()
        assert verbs(await one.twilio.dialled("answered", bridged=True, there=False)) == ["Hangup"]
        assert known(one.desk, one.call_sid).result == "caller_gone"
        assert one.rest.asked == ["create_call", "update_call"]
        assert json.dumps(one.rest.calls[one.child].status) == '"completed"'
