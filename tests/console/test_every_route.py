"""Every route of the server, at the root and under PUBLIC_URL's prefix: what a stranger gets who shows nothing."""

from __future__ import annotations

import pytest

from bot.console.routes import console
from tests.server.simulated_server import standing

ADMIN = "a-token-for-the-one-who-watches"
PREFIX = "/some/where"
OPEN = {"/healthz", "/readyz"}
"""Routes that answer anybody, by their purpose."""
SID = "CA" + "0" * 32


@pytest.mark.parametrize("headers", [{}, {"X-Twilio-Signature": "bm8gc3VjaCBzaWduYXR1cmU="}], ids=["nothing", "forged"])
async def test_no_route_but_the_two_for_probes_answers_a_stranger(headers: dict[str, str]) -> None:
    async with standing(mounts=[console], ADMIN_TOKEN=ADMIN, PUBLIC_URL=f"https://bot.example.org{PREFIX}") as desk:
        walked = set()
        for route in desk.app.router.routes():
            canonical = route.resource.canonical if route.resource is not None else ""
            path = canonical.format(call_sid=SID, sid=SID, name="console.js", token="forged")
            async with desk.http.request(
                route.method, f"{desk.origin}{path}", headers=headers, data={"CallSid": SID}, allow_redirects=False
            ) as answer:
                expected = {200} if canonical.removeprefix(PREFIX) in OPEN else {401, 403}
                assert answer.status in expected, (route.method, canonical, answer.status)
            walked.add((route.method, canonical))
        assert {method + path.removeprefix(PREFIX) for method, path in walked if path.startswith(PREFIX)} == {
            method + path for method, path in walked if not path.startswith(PREFIX)
        }
        assert len(walked) > 60
        assert (len(desk.calls.directory), desk.model.sessions) == (0, [])
