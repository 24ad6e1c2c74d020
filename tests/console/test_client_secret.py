"""POST /client-secret: what the model's server is asked, what a browser gets, and what never reaches it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bot.console.routes import console
from bot.testing.model.client_secrets_server import SimulatedClientSecrets
from tests.hooks.receiver import SECRET
from tests.server.simulated_server import ServerUnderTest, standing

KEY = "sk-proj-the-real-key-of-this-server"


async def made(desk: ServerUnderTest) -> tuple[int, dict[str, Any]]:
    async with desk.http.post(f"{desk.origin}/client-secret") as answer:
        told: dict[str, Any] = await answer.json()
        return answer.status, told


async def test_a_secret_brings_this_bot_s_session_in_pcm_and_not_the_key() -> None:
    async with (
        SimulatedClientSecrets(key=KEY) as secrets,
        standing(
            model_url=secrets.url, mounts=[console], OPENAI_API_KEY=KEY, BOT_INSTRUCTIONS="Be kind.", BOT_VOICE="cedar"
        ) as desk,
    ):
        status, told = await made(desk)
        assert (status, told["value"]) == (200, secrets.values[0])
        assert told["url"].startswith(secrets.url)
        assert KEY not in str(told)
        (asked,) = secrets.requests
        session = asked["session"]
        assert (session["instructions"], session["audio"]["output"]["voice"], session["tools"]) == (
            "Be kind.",
            "cedar",
            [],
        )
        assert {session["audio"][side]["format"]["type"] for side in ("input", "output")} == {"audio/pcm"}
        assert secrets.refused == []


async def test_a_secret_is_for_the_bot_that_calls_get_without_a_lookup(tmp_path: Path) -> None:
    (profiles := tmp_path / "profiles.toml").write_text(
        'default = "clinic"\n[clinic]\nBOT_INSTRUCTIONS = "You answer for {{company|the clinic}}."\n'
    )
    env = {"BOT_PROFILES": str(profiles), "BOT_LOOKUP_URL": "http://127.0.0.1:9/", "BOT_WEBHOOK_SECRET": SECRET}
    async with (
        SimulatedClientSecrets(key=KEY) as secrets,
        standing(model_url=secrets.url, mounts=[console], OPENAI_API_KEY=KEY, **env) as desk,
    ):
        assert (await made(desk))[0] == 200
        assert secrets.requests[0]["session"]["instructions"] == "You answer for the clinic."


async def test_a_server_that_refuses_or_is_away_is_told_in_a_sentence_without_the_key() -> None:
    async with (
        SimulatedClientSecrets(key="sk-another") as secrets,
        standing(model_url=secrets.url, mounts=[console], OPENAI_API_KEY=KEY) as desk,
    ):
        status, told = await made(desk)
        assert (status, "401" in told["problem"], KEY in told["problem"]) == (502, True, False)
    async with standing(model_url=secrets.url, mounts=[console], OPENAI_API_KEY=KEY) as desk:
        assert (await made(desk))[0] == 502


async def test_where_there_is_none_to_be_had_the_reason_is_told() -> None:
    async with standing(mounts=[console], dialect="xai") as desk:
        status, told = await made(desk)
        assert (status, "BOT_DIALECT" in told["problem"]) == (409, True)
