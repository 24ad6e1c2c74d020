"""Client secrets of a simulated server: the answer to their POST, and what one lets in (openai-realtime 1.1, W9).

A secret brings its session with it. It opens any number of them until it expires; a session outlives it.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import web

from bot.testing.model.protocol import session_object
from bot.testing.model.protocol import shapes as is_
from bot.testing.model.protocol.refusal import Refused

Json = dict[str, Any]
PREFIX = "ek_"
SHORTEST_S, LONGEST_S, USUAL_S = 10, 7_200, 600

_body = is_.obj(
    {
        "expires_after": is_.obj(
            {"anchor": is_.one_of("created_at"), "seconds": is_.integer(SHORTEST_S, LONGEST_S)}, "anchor", "seconds"
        ),
        "session": session_object.shape,
    }
)


class ClientSecrets:
    """`requests` has each body that was taken, `values` the secrets given, `refused` why others were not.

    `takes` tells the keys with which a secret may be asked for; `clock` gives the time in epoch seconds.
    """

    def __init__(self, takes: Callable[[str], bool], clock: Callable[[], float] = time.time) -> None:
        self.requests: list[Json] = []
        self.refused: list[str] = []
        self.clock = clock
        self._takes = takes
        self._numbers = itertools.count(1)
        self._made: dict[str, tuple[int, Json]] = {}

    @property
    def values(self) -> list[str]:
        return list(self._made)

    def session(self, secret: str) -> Json | None:
        """The session that comes with `secret`; None for one that was not made here, or is too old."""
        expires_at, session = self._made.get(secret, (0, None))
        return session if self.clock() < expires_at else None

    async def make(self, request: web.Request) -> web.Response:
        """Answer POST /v1/realtime/client_secrets."""
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not key or not self._takes(key):
            return self._refuse(401, "invalid_api_key", "Incorrect API key provided.")
        try:
            body = msgspec.json.decode(await request.read())
            _body(body, "")
        except msgspec.DecodeError:
            return self._refuse(400, "invalid_json", "We could not parse the JSON body of your request.")
        except Refused as refused:
            return self._refuse(400, refused.code, refused.message)
        self.requests.append(body)
        number, session = next(self._numbers), body.get("session", {"type": "realtime"})
        value = f"{PREFIX}{number:032x}"
        expires_at = int(self.clock()) + body.get("expires_after", {}).get("seconds", USUAL_S)
        self._forget_old()
        self._made[value] = expires_at, session
        shown = {**session, "object": "realtime.session", "id": f"sess_{number}", "expires_at": 0}
        return web.json_response({"value": value, "expires_at": expires_at, "session": shown})

    def _forget_old(self) -> None:
        """A server that runs for long keeps no secret for much longer than it lasts."""
        now_s = self.clock()
        for value in [value for value, (expires_at, _) in self._made.items() if expires_at + LONGEST_S < now_s]:
            del self._made[value]

    def _refuse(self, status: int, code: str | None, why: str) -> web.Response:
        self.refused.append(f"{status} {code}: {why}")
        error = {"message": why, "type": "invalid_request_error", "param": None, "code": code}
        return web.json_response({"error": error}, status=status)
