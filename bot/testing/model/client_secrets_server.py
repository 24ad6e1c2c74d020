"""The simulated route for client secrets, `POST /v1/realtime/client_secrets` (openai-realtime 1.1, W9)."""

from __future__ import annotations

import itertools
import socket
import time
from functools import cache
from types import TracebackType
from typing import Any, Self

import msgspec
from aiohttp import web
from pydantic import TypeAdapter

from bot.testing.virtual.client_event_schema import closed, faults_by

SHORTEST_S, LONGEST_S = 10, 7_200


class SimulatedClientSecrets:
    """`async with SimulatedClientSecrets(key="sk-x") as server:`; `server.url` is the Realtime address beside it.

    `requests` has each body that was taken, `values` the secrets that were given, `refused` why others were not.
    """

    def __init__(self, *, key: str | None = None) -> None:
        self.requests: list[dict[str, Any]] = []
        self.values: list[str] = []
        self.refused: list[str] = []
        self.url = ""
        self._key = key
        self._numbers = itertools.count(1)
        app = web.Application()
        app.router.add_post("/v1/realtime/client_secrets", self._made)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        sock = socket.create_server(("127.0.0.1", 0))
        await web.SockSite(self._runner, sock).start()
        self.url = f"ws://127.0.0.1:{sock.getsockname()[1]}/v1/realtime"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def _made(self, request: web.Request) -> web.Response:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not given or (self._key is not None and given != self._key):
            return self._refuse(401, "invalid_api_key", "Incorrect API key provided.")
        body = msgspec.json.decode(await request.read())
        faults = faults_by(_adapter(), body)
        seconds = body.get("expires_after", {}).get("seconds", SHORTEST_S) if not faults else 0
        if faults or not SHORTEST_S <= seconds <= LONGEST_S:
            return self._refuse(400, "invalid_request_error", faults or "expires_after.seconds is out of bounds")
        self.requests.append(body)
        number = next(self._numbers)
        value = f"ek_{number:032x}"
        self.values.append(value)
        session = {**body["session"], "object": "realtime.session", "id": f"sess_{number}", "expires_at": 0}
        return web.json_response({"value": value, "expires_at": int(time.time()) + seconds, "session": session})

    def _refuse(self, status: int, code: str, why: str) -> web.Response:
        self.refused.append(f"{status} {code}: {why}")
        error = {"message": why, "type": "invalid_request_error", "param": None, "code": code}
        return web.json_response({"error": error}, status=status)


@cache
def _adapter() -> TypeAdapter[Any]:
    from openai.types.realtime.client_secret_create_params import ClientSecretCreateParams  # noqa: PLC0415

    return closed(ClientSecretCreateParams)
