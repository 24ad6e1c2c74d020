"""Recordings of real Realtime servers with both sides in them, a test for each; none where they are not."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from bot.realtime.session import Dialect
from tests.recorded_wire import FILES

Json = dict[str, Any]


class Message(NamedTuple):
    """One message; `sent` by the client, or received from the server."""

    sent: bool
    data: Json

    @property
    def kind(self) -> str:
        return str(self.data["type"])


class Recording(NamedTuple):
    dialect: Dialect
    messages: tuple[Message, ...]

    @property
    def received(self) -> list[Json]:
        return [one.data for one in self.messages if not one.sent]

    @property
    def model(self) -> str:
        """The server's name for the model."""
        return str(self.received[0]["session"]["model"])

    def of(self, kind: str) -> list[Json]:
        return [one for one in self.received if one["type"] == kind]


@cache
def recording(path: Path) -> Recording:
    with path.open(encoding="utf-8") as file:
        interactions = yaml.load(file, yaml.CSafeLoader)["interactions"]
    named = path.parent.name + path.stem
    dialect: Dialect = "xai" if "xai" in named else "azure" if "azure" in named else "openai"
    return Recording(dialect, tuple(Message(one["direction"] == "sent", one["data"]) for one in interactions))


each_recording = pytest.mark.parametrize(
    "path",
    [pytest.param(path, id=f"{path.parent.name}/{path.stem}") for path in FILES]
    or [pytest.param(None, marks=pytest.mark.skip(reason="no recordings beside this repository"))],
)
"""A test for each file, its `path`."""
