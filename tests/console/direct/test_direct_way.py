"""The direct way: when the browser phone offers it, and what its policy lets the page reach."""

from __future__ import annotations

import pytest

from bot.config import load_settings
from bot.console.access import POLICY
from bot.console.direct.direct_way import DirectWay, direct_way
from bot.console.routes import console
from tests.console.test_access import ADMIN, asked, console_paths
from tests.server.simulated_server import ServerUnderTest, environment, standing


async def told(desk: ServerUnderTest, **headers: str) -> tuple[str, str, str]:
    """What the page is told of the way, and its policy for connections."""
    async with desk.http.get(f"{desk.origin}/softphone/direct", headers=headers) as answer:
        way = await answer.json()
    policy = (await asked(desk, "GET", "/softphone", headers=headers))[2]["Content-Security-Policy"]
    (connections,) = (part for part in policy.split("; ") if part.startswith("connect-src"))
    return way["problem"], way["to"], connections


async def test_the_page_may_ask_the_model_s_host_and_no_other_page_may() -> None:
    async with standing(mounts=[console]) as desk:
        problem, to, connections = await told(desk)
        host = desk.model.url.removesuffix("/v1/realtime")
        assert (problem, connections) == ("", f"connect-src 'self' {host}")
        assert to == f"a stand-in for the model on this machine ({host.removeprefix('ws://')})"
        for method, path in console_paths(desk):
            if method == "GET" and path != "/softphone" and not path.endswith(("/live", "/listen")):
                assert (await asked(desk, method, path))[2].get("Content-Security-Policy", POLICY) == POLICY, path


async def test_the_offline_agent_is_called_what_it_is() -> None:
    async with standing(mounts=[console], OPENAI_REALTIME_MODEL="offline-agent") as desk:
        assert (await told(desk))[1] == "the offline agent on this machine, a script with no model behind it"


async def test_openai_is_named_with_its_model() -> None:
    async with standing(mounts=[console], model_url="wss://api.openai.com/v1/realtime", ADMIN_TOKEN=ADMIN) as desk:
        way = await told(desk, Authorization=f"Bearer {ADMIN}")
        assert way == ("", "gpt-realtime-2.1 at api.openai.com", "connect-src 'self' wss://api.openai.com")


@pytest.mark.parametrize(
    ("env", "why"),
    [
        ({"BOT_DIALECT": "xai"}, "BOT_DIALECT"),
        ({"BOT_DIALECT": "azure"}, "BOT_DIALECT"),
        ({"OPENAI_API_KEY": ""}, "OPENAI_API_KEY"),
        ({"OPENAI_REALTIME_URL": "wss://[2001:db8::1]/v1/realtime"}, "OPENAI_REALTIME_URL"),
    ],
)
async def test_where_it_is_not_offered_the_policy_is_as_ever(
    env: dict[str, str], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with standing(mounts=[console]) as desk:
        changed = load_settings(environment(desk.model.url) | env)
        monkeypatch.setattr(type(desk.calls.profiles), "default", changed)
        problem, to, connections = await told(desk)
        assert (why in problem, to, connections) == (True, "", "connect-src 'self'")


async def test_a_model_on_the_bot_s_own_machine_is_not_offered_to_a_browser_elsewhere() -> None:
    async with standing(mounts=[console], ADMIN_TOKEN=ADMIN) as desk:
        elsewhere = {"Authorization": f"Bearer {ADMIN}", "X-Forwarded-For": "10.0.0.7"}
        problem, to, connections = await told(desk, **elsewhere)
        assert ("this browser is not" in problem, to, connections) == (True, "", "connect-src 'self'")


def test_a_way_with_a_problem_has_the_policy_of_every_page() -> None:
    assert DirectWay("none").policy == POLICY
    assert direct_way.__doc__
