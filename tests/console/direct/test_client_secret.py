"""POST /client-secret: what the model's server is asked, what a browser gets, and what never reaches it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from openai.types.realtime.client_secret_create_params import ClientSecretCreateParams

from bot.console.routes import TYPES, console
from bot.testing.model.server import Door
from bot.testing.virtual.client_event_schema import closed, faults_by
from tests.console.test_access import ADMIN
from tests.hooks.receiver import SECRET
from tests.server.simulated_server import ServerUnderTest, standing

KEY = "sk-proj-the-real-key-of-this-server"
ONLY = Door(keys=frozenset({KEY}))
PAGES = Path(__file__).parents[3] / "bot/console/pages"


async def made(desk: ServerUnderTest) -> tuple[int, dict[str, Any]]:
    async with desk.http.post(f"{desk.origin}/client-secret") as answer:
        told: dict[str, Any] = await answer.json()
        return answer.status, told


async def test_a_secret_brings_this_bot_s_session_in_pcm_and_not_the_key() -> None:
    chosen = {"BOT_INSTRUCTIONS": "Be kind.", "BOT_VOICE": "cedar", "BOT_GREETING": "Hello there."}
    async with standing(door=ONLY, mounts=[console], OPENAI_API_KEY=KEY, **chosen) as desk:
        status, told = await made(desk)
        assert (status, told["value"]) == (200, desk.model.secrets.values[0])
        assert told["url"].startswith(desk.model.url)
        assert told["greeting"]["instructions"].startswith("Be kind.")
        assert told["greeting"]["instructions"].endswith("Hello there.")
        assert (told["silenceMs"], told["mostS"]) == (100, 3600)
        assert KEY not in str(told)
        (asked,) = desk.model.secrets.requests
        assert faults_by(closed(ClientSecretCreateParams), asked) == ""
        session = asked["session"]
        assert (session["instructions"], session["audio"]["output"]["voice"], session["tools"]) == (
            "Be kind.",
            "cedar",
            [],
        )
        assert {session["audio"][side]["format"]["type"] for side in ("input", "output")} == {"audio/pcm"}
        assert desk.model.secrets.refused == []


async def test_where_the_caller_speaks_first_no_greeting_is_asked_for() -> None:
    async with standing(mounts=[console], BOT_GREETING="off", BOT_TURN_DETECTION="semantic_vad") as desk:
        told = (await made(desk))[1]
        assert (told["greeting"], told["silenceMs"]) == (None, 0)


async def test_a_secret_is_for_the_bot_that_calls_get_without_a_lookup(tmp_path: Path) -> None:
    (profiles := tmp_path / "profiles.toml").write_text(
        'default = "clinic"\n[clinic]\nBOT_INSTRUCTIONS = "You answer for {{company|the clinic}}."\n'
    )
    env = {"BOT_PROFILES": str(profiles), "BOT_LOOKUP_URL": "http://127.0.0.1:9/", "BOT_WEBHOOK_SECRET": SECRET}
    async with standing(mounts=[console], **env) as desk:
        assert (await made(desk))[0] == 200
        assert desk.model.secrets.requests[0]["session"]["instructions"] == "You answer for the clinic."


async def test_a_server_that_refuses_or_is_away_is_told_in_a_sentence_without_the_key() -> None:
    async with standing(door=Door(keys=frozenset({"sk-another"})), mounts=[console], OPENAI_API_KEY=KEY) as desk:
        status, told = await made(desk)
        assert (status, "401" in told["problem"], KEY in told["problem"]) == (502, True, False)
    async with standing(model_url="ws://127.0.0.1:9/v1/realtime", mounts=[console]) as desk:
        assert (await made(desk))[0] == 502


async def test_where_there_is_none_to_be_had_the_reason_is_told() -> None:
    async with standing(mounts=[console], dialect="xai") as desk:
        status, told = await made(desk)
        assert (status, "BOT_DIALECT" in told["problem"]) == (409, True)


async def test_when_the_day_s_money_is_spent_none_is_made() -> None:
    async with standing(mounts=[console], BOT_MAX_DAILY_USD="1") as desk:
        desk.calls.spent_today.stored(1_000_000_000)
        status, told = await made(desk)
        assert (status, "BOT_MAX_DAILY_USD" in told["problem"], desk.model.secrets.values) == (409, True, [])


@pytest.mark.parametrize("prefix", ["", "/some/where"])
async def test_the_real_key_is_in_nothing_that_is_served(prefix: str, tmp_path: Path) -> None:
    env = {"ADMIN_TOKEN": ADMIN, "PUBLIC_URL": f"https://bot.example{prefix}", "BOT_RECORD_DIR": str(tmp_path)}
    async with standing(door=ONLY, mounts=[console], OPENAI_API_KEY=KEY, **env) as desk:
        headers = {"Authorization": f"Bearer {ADMIN}"}
        served = 0
        names = [path.name for path in PAGES.iterdir() if path.suffix in TYPES]
        for route in desk.app.router.routes():
            path = route.resource.canonical if route.resource is not None else ""
            if "console/live" in path or route.method == "HEAD" or path.endswith("/sign-out"):
                continue  # streams, which do not end; and the way out
            for name in names if "files/{name}" in path else ["none"]:
                url = f"{desk.origin}{path}".replace("{name}", name).replace("{sid}", "CA" + "0" * 32)
                async with desk.http.request(route.method, url, headers=headers, allow_redirects=False) as answer:
                    assert KEY not in await answer.text(), path
                    assert KEY not in str(answer.headers), path
                    served += answer.status == 200
        assert served > len(names)
        assert KEY not in str(desk.logs)
