"""Instructions tried in text: what the session is told, functions that are not run, what it costs, and every bound."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from bot.audio.prompts import prompt
from bot.console.routes import console
from bot.console.trial import trial as one_trial
from bot.console.trial import trial_route
from bot.console.trial.trial import NOT_RUN
from bot.console.trial.trial_route import LONGEST_S, MOST_INSTRUCTIONS, MOST_TRIALS, MOST_WORDS
from bot.models import OFFLINE_AGENT
from bot.offline.installed import is_installed
from bot.realtime.session import END_CALL
from bot.testing.agent import Failure, Reply, Spoken, ToolCall, pattern
from bot.testing.commands.line_test import LineTestAgent
from bot.testing.model.server import Door, SimulatedRealtimeServer
from tests.console.operator.test_actions import TOOLS
from tests.hooks.receiver import SECRET
from tests.server.simulated_server import QUICK, ServerUnderTest, standing, until
from tests.waiting import GIVE_UP_S

BOOKING = '''
from bot.tools import tool

@tool
def book_table(people: int, day: str, time: str) -> str:
    """Book a table."""
    raise AssertionError("nobody ran it")
'''
OFFLINE = {"OPENAI_REALTIME_MODEL": OFFLINE_AGENT, "BOT_TRANSCRIPTION_MODEL": OFFLINE_AGENT}
HOSTILE = "<script>alert(1)</script>"


def written(text: str, *calls: ToolCall, **more: Any) -> Reply:
    return Reply((Spoken(pattern(200, text), text),), calls, pacing=QUICK, **more)


HELLO, TREES = written("Hello."), written(f"We have trees. {HOSTILE}")


class Page:
    """A page's side of the socket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.news: list[dict[str, Any]] = []

    async def do(self, what: str, text: str, **more: str) -> None:
        await self.socket.send_json({"do": what, "text": text, **more})

    async def until(self, kind: str) -> dict[str, Any]:
        """The next news of this kind; all before it are in `news`."""
        while True:
            message = await self.socket.receive(timeout=GIVE_UP_S)
            assert message.type is aiohttp.WSMsgType.TEXT, message
            self.news.append(told := message.json())
            if told["type"] == kind:
                return dict(told)

    @property
    def text(self) -> str:
        return "".join(one["text"] for one in self.news if one["type"] == "written")


@asynccontextmanager
async def page_of(desk: ServerUnderTest, instructions: str | None = "Be kind.", **begin: str) -> AsyncIterator[Page]:
    async with desk.http.ws_connect(f"{desk.origin}/console/trial") as socket:
        page = Page(socket)
        if instructions is not None:
            await page.do("begin", instructions, **begin)
        yield page


@asynccontextmanager
async def trying(*replies: Reply, **env: Any) -> AsyncIterator[tuple[ServerUnderTest, Page]]:
    async with standing(*replies, mounts=[console], **env) as desk, page_of(desk) as page:
        yield desk, page


def items(desk: ServerUnderTest) -> list[tuple[str, str]]:
    """Kind or role of each item of the conversation, and its words."""
    return [(one.role or one.type, str(one.text or one.body)) for one in desk.model.sessions[0].conversation]


# ---- the conversation ----


async def test_a_caller_s_words_are_answered_in_writing_by_the_edited_instructions() -> None:
    async with trying(HELLO, TREES) as (desk, page):
        await page.until("answered")
        assert page.text == "Hello."
        await page.do("say", "Have you trees?")
        await page.until("answered")
        assert page.text == f"Hello.We have trees. {HOSTILE}"
        (session,) = desk.model.sessions
        shown = session.session
        assert (shown["instructions"], shown["output_modalities"]) == ("Be kind.", ["text"])
        assert [tool["name"] for tool in shown["tools"]] == [END_CALL]
        assert [words for kind, words in items(desk) if kind == "user" and "Have you trees?" in words]
        assert not len(desk.calls.directory)
        assert desk.settings.instructions != "Be kind."
    assert [one["answers"] for one in desk.logged("operator_trial_over")] == [2]
    assert "Be kind" not in str(desk.logs)
    assert "Have you" not in str(desk.logs)


async def test_where_the_caller_speaks_first_nobody_greets() -> None:
    async with trying(TREES, BOT_GREETING="off") as (desk, page):
        await page.until("begun")
        await page.do("say", "Hello?")
        told = await page.until("answered")
        assert (told["answers"], len(desk.model.sessions)) == (1, 1)


async def test_who_speaks_while_the_bot_answers_is_told_to_wait() -> None:
    slow = Reply((Spoken(pattern(60_000, "long"), "One. " * 200),))
    async with trying(slow) as (desk, page):
        await page.until("written")
        await page.do("say", "Stop.")
        told = await page.until("problem")
        assert ("wait" in told["why"], told["answering"]) == (True, True)
        assert [kind for kind, _ in items(desk)] == ["assistant"]


async def test_placeholders_stand_as_in_a_call_without_a_lookup() -> None:
    env = {"BOT_LOOKUP_URL": "http://127.0.0.1:9/", "BOT_WEBHOOK_SECRET": SECRET}
    async with standing(HELLO, mounts=[console], **env) as desk, page_of(desk, "You are {{who|Ada}}.") as page:
        await page.until("answered")
        assert desk.model.sessions[0].session["instructions"] == "You are Ada."


# ---- functions ----

LOOK = written("A moment.", ToolCall("double", '{"number": 4}', "call_1"), ToolCall(END_CALL, call_id="call_2"))


def a_module(tmp_path: Path) -> str:
    (module := tmp_path / "trial_tools_sample.py").write_text(TOOLS)
    return str(module)


async def test_a_function_is_told_and_not_run_and_answers_what_the_operator_says(tmp_path: Path) -> None:
    async with trying(HELLO, LOOK, TREES, BOT_TOOLS=a_module(tmp_path)) as (desk, page):
        await page.until("answered")
        await page.do("say", "Twice four?")
        assert (await page.until("answered"))["waits"] == 2
        calls = [(one["name"], one["arguments"]) for one in page.news if one["type"] == "called"]
        assert calls == [("double", '{"number": 4}'), (END_CALL, "{}")]
        await page.do("give", "nonsense", callId="call_none")
        await page.do("give", "8", callId="call_1")
        await page.do("give", "9", callId="call_1")  # a call has one answer
        await page.until("given")
        await page.do("give", '{"result": "Done."}', callId="call_2")
        assert (await page.until("answered"))["answers"] == 3
        outputs = [one.body["output"] for one in desk.model.sessions[0].conversation if one.type == "function_call_output"]  # type: ignore[index]  # fmt: skip
        assert outputs == ["8", '{"result": "Done."}']
        names = {tool["name"] for tool in desk.model.sessions[0].session["tools"]}
        assert names == {END_CALL, "double", "who"}
        assert desk.logged("operator_ran_tool") == []


async def test_a_function_that_is_passed_over_was_not_run(tmp_path: Path) -> None:
    async with trying(HELLO, LOOK, TREES, BOT_TOOLS=a_module(tmp_path)) as (desk, page):
        await page.until("answered")
        await page.do("say", "Twice four?")
        await page.until("answered")
        await page.do("say", "Never mind.")
        assert (await page.until("answered"))["answers"] == 3
        given = [one for one in page.news if one["type"] == "given"]
        assert [NOT_RUN in one["output"] for one in given] == [True, True]
        kinds = [kind for kind, _ in items(desk)]
        assert kinds[-4:] == ["function_call_output", "function_call_output", "user", "assistant"]


# ---- what it costs ----


async def test_what_it_costs_is_told_and_counts_for_the_day() -> None:
    async with trying(HELLO, TREES, BOT_MAX_DAILY_USD="3") as (desk, page):
        first = await page.until("answered")
        await page.do("say", "Have you trees?")
        second = await page.until("answered")
        assert 0 < first["usd"] < second["usd"]
        assert (second["dailyUsd"], second["priced"]) == (3, True)
        assert second["todayUsd"] == second["usd"] == desk.calls.spent_today.nano_usd / 1e9
        desk.calls.spent_today.stored(1_000_000_000)  # what the store knows of calls does not take it away
        assert desk.calls.spent_today.nano_usd == 1_000_000_000 + round(second["usd"] * 1e9)


async def test_a_model_without_a_price_is_said_to_have_none() -> None:
    async with trying(HELLO, OPENAI_REALTIME_MODEL="gpt-realtime-nobody-knows") as (_, page):
        told = await page.until("answered")
        assert (told["usd"], told["priced"]) == (0, False)


async def test_an_answer_that_nobody_waits_for_is_called_off_and_paid_for() -> None:
    slow = Reply((Spoken(pattern(60_000, "long"), "One. " * 200),))
    async with standing(slow, mounts=[console], BOT_MAX_DAILY_USD="3") as desk:
        async with page_of(desk) as page:
            await page.until("written")
        await until(lambda: desk.logged("operator_trial_over"))
        assert desk.calls.spent_today.nano_usd > 0
        assert not desk.model.open_sessions


@pytest.mark.parametrize(
    ("name", "why"), [("BOT_MAX_DAILY_USD", "money for today"), ("BOT_MAX_CALL_USD", "one call may")]
)
async def test_it_ends_at_the_caps_of_a_call_and_a_day(name: str, why: str) -> None:
    async with trying(HELLO, **{name: "0.000001"}) as (desk, page):
        await page.until("answered")
        await page.do("say", "Have you trees?")
        assert why in (await page.until("over"))["why"]
        assert (await page.socket.receive()).type is aiohttp.WSMsgType.CLOSE
        assert len(desk.model.sessions) == 1


async def test_while_the_day_s_money_is_spent_no_session_is_opened() -> None:
    async with standing(mounts=[console], BOT_MAX_DAILY_USD="1") as desk:
        desk.calls.spent_today.stored(1_000_000_000)
        async with page_of(desk) as page:
            assert "BOT_MAX_DAILY_USD" in (await page.until("over"))["why"]
        assert desk.model.sessions == []


# ---- bounds ----


async def test_there_is_room_for_so_many_and_the_next_is_told_so() -> None:
    async with standing(HELLO, mounts=[console]) as desk, AsyncExitStack() as stack:
        pages = [await stack.enter_async_context(page_of(desk)) for _ in range(MOST_TRIALS)]
        for page in pages:
            await page.until("answered")
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await desk.http.ws_connect(f"{desk.origin}/console/trial")
        assert refused.value.status == 409
        await pages[0].socket.close()
        await until(lambda: not desk.app[trial_route.TRIALS].full)
        async with page_of(desk) as page:
            await page.until("answered")


async def test_its_answers_are_counted_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_trial, "MOST_ANSWERS", 2)
    async with trying(HELLO) as (_, page):
        await page.until("answered")
        await page.do("say", "One.")
        await page.until("answered")
        await page.do("say", "Two.")
        assert (await page.until("over"))["why"] == "A trial has at most 2 answers."


async def test_its_time_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert LONGEST_S == 900
    monkeypatch.setattr(trial_route, "LONGEST_S", 0.05)
    async with trying(HELLO) as (desk, page):
        assert "minutes at most" in (await page.until("over"))["why"]
        await until(lambda: not desk.model.open_sessions)


@pytest.mark.parametrize("kind", ["silent", "stalls"])
async def test_a_model_that_does_not_answer_is_given_up(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_trial, "ANSWER_S", 0.05)
    async with trying(written("Hm.", failure=Failure(kind))) as (_, page):
        assert "not answered within" in (await page.until("over"))["why"]


async def test_what_is_no_message_of_the_page_s_or_too_long_changes_nothing() -> None:
    async with standing(HELLO, TREES, mounts=[console]) as desk, page_of(desk, None) as page:
        await page.do("say", "Too early.")
        assert "has not begun" in (await page.until("problem"))["why"]
        for wrong in ("no JSON", "[]", '{"do": "run", "text": "x"}', '{"do": "say", "text": " "}', "[" * 5_000):
            await page.socket.send_str(wrong)
            assert "no message" in (await page.until("problem"))["why"]
        await page.socket.send_bytes(b"x")
        await page.until("problem")
        await page.do("begin", "x" * (MOST_INSTRUCTIONS + 1))
        assert "longer than 50,000" in (await page.until("problem"))["why"]
        assert desk.model.sessions == []
        await page.do("begin", "x" * MOST_INSTRUCTIONS)
        await page.until("answered")
        await page.do("say", "x" * (MOST_WORDS + 1))
        assert "longer than 4,000" in (await page.until("problem"))["why"]
        await page.do("begin", "Another.")  # it has begun: nothing comes of it
        await page.do("say", "Go on.")
        await page.until("answered")
        assert len(desk.model.sessions) == 1


async def test_megabytes_are_not_read() -> None:
    async with standing(mounts=[console]) as desk, page_of(desk, None) as page:
        await page.socket.send_str("x" * (trial_route.MOST_BYTES + 1))
        assert (await page.socket.receive()).type is aiohttp.WSMsgType.CLOSE
        assert page.socket.close_code == 1009


# ---- what is not to be had, and how it ends ----


async def test_a_model_that_is_away_refuses_or_drops_out_is_one_sentence() -> None:
    async with standing(door=Door(keys=frozenset()), mounts=[console]) as desk, page_of(desk) as page:
        why = (await page.until("over"))["why"]
        assert why.startswith("No session is to be had: ")
        assert "invalid_api_key" in why
        assert desk.settings.openai_api_key.get_secret_value() not in why
    async with standing(model_url="ws://127.0.0.1:9/v1/realtime", mounts=[console]) as desk, page_of(desk) as page:
        assert (await page.until("over"))["why"].startswith("No session is to be had: ")
    async with trying(HELLO) as (desk, page):
        await page.until("answered")
        desk.model.abort()
        assert (await page.until("over"))["why"].startswith("The session was lost: ")


async def test_an_answer_that_fails_is_told_and_the_next_one_is_made() -> None:
    async with trying(written("Hm.", failure=Failure("failed", code="server_error")), TREES) as (_, page):
        assert (await page.until("answered"))["why"].startswith("failed: The server had an error")
        await page.do("say", "Once more.")
        assert (await page.until("answered"))["why"] == ""


async def test_a_server_that_stops_ends_it() -> None:
    async with standing(HELLO, mounts=[console]) as desk, page_of(desk) as page:
        await page.until("answered")
        await desk.app[trial_route.TRIALS].close(desk.app)
        assert (await page.socket.receive()).type is aiohttp.WSMsgType.CLOSE
        assert page.socket.close_code == 1001


async def test_where_none_is_to_be_had_the_reason_is_told() -> None:
    async with standing(mounts=[console], dialect="xai") as desk, page_of(desk) as page:
        assert "BOT_DIALECT" in (await page.until("over"))["why"]
        async with desk.http.get(f"{desk.origin}/console/api/instructions") as answer:
            assert "BOT_DIALECT" in (await answer.json())["problem"]


async def test_each_profile_has_its_own(tmp_path: Path) -> None:
    (profiles := tmp_path / "profiles.toml").write_text(
        f'default = "clinic"\n[clinic]\nBOT_INSTRUCTIONS = "You answer for the clinic."\n'
        f'[shop]\nBOT_INSTRUCTIONS = "You sell."\nBOT_TOOLS = "{a_module(tmp_path)}"\nBOT_GREETING = "off"\n'
    )
    async with standing(TREES, mounts=[console], BOT_PROFILES=str(profiles)) as desk:
        url = f"{desk.origin}/console/api/instructions"
        async with desk.http.get(url) as answer:
            told = await answer.json()
        assert told["profiles"] == ["clinic", "shop"]
        assert (told["profile"], told["instructions"], told["greets"]) == ("clinic", "You answer for the clinic.", True)
        async with desk.http.get(f"{url}?profile=shop") as answer:
            told = await answer.json()
        assert (told["instructions"], told["greets"], told["problem"]) == ("You sell.", False, "")
        assert [one for one in told["functions"] if one["runs"]] == [
            {"name": "double", "runs": True},
            {"name": "who", "runs": True},
        ]
        async with desk.http.get(f"{url}?profile=none") as answer:
            assert answer.status == 404
        async with page_of(desk, "You sell trees.", profile="shop") as page:
            await page.until("begun")
            assert {tool["name"] for tool in desk.model.sessions[0].session["tools"]} == {END_CALL, "double", "who"}
        async with page_of(desk, "You sell.", profile="none") as page:
            assert (await page.until("over"))["why"] == "There is no such profile."


async def test_a_page_of_another_origin_begins_nothing() -> None:
    async with standing(mounts=[console]) as desk:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await desk.http.ws_connect(f"{desk.origin}/console/trial", origin="https://evil.example")
        assert refused.value.status == 403


# ---- those who answer without a key ----


async def test_the_line_test_answers_in_writing_too() -> None:
    async with standing(agent=LineTestAgent(), mounts=[console]) as desk, page_of(desk) as page:
        await page.until("answered")
        assert page.text == prompt("greeting").text


async def test_the_offline_agent_books_a_table_in_writing_with_the_operator_s_tool(tmp_path: Path) -> None:
    if not is_installed():
        pytest.skip("the extra `offline` is not installed")
    from bot.offline.offline_server import offline_sessions

    (module := tmp_path / "trial_booking_sample.py").write_text(BOOKING)
    async with (
        offline_sessions() as sessions,
        SimulatedRealtimeServer(sessions) as model,
        standing(mounts=[console], model_url=model.url, BOT_TOOLS=str(module), **OFFLINE) as desk,
        page_of(desk) as page,
    ):
        assert (await page.until("answered"))["usd"] == 0
        assert "a script with no model behind it" in page.text
        await page.do("say", "Book a table for four on Friday at seven.")
        told = await page.until("called")
        assert (told["name"], msgspec.json.decode(told["arguments"])["people"]) == ("book_table", 4)
        await page.until("answered")
        await page.do("give", "Booked, number 17.", callId=told["callId"])
        await page.until("answered")
        assert "17" in page.text
        assert desk.logged("operator_ran_tool") == []
