"""A stored call written to a file, which the store is told of: who forgets the caller erases that file too."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bot.records.calls.audio import audible
from bot.records.calls.opening import ask
from bot.records.calls.page import stored_page
from bot.records.calls.vcon import vcon_of
from bot.records.store.results import StoredCall
from bot.records.store.rows import FileKept
from bot.records.store.store import CallStore
from bot.records.store.urls import StoreUrl

_CHANCE_BITS = 12


def export_page(where: StoreUrl, call: StoredCall, path: Path) -> list[str]:
    """Write the page of `call`. Returns a sentence for each file of the call that could not be used."""
    heard = audible(call)
    _keep(where, call, path, lambda: stored_page(call, heard, path).encode())
    return list(heard.problems)


def export_vcon(where: StoreUrl, call: StoredCall, path: Path, host: str) -> list[str]:
    """The same as a vCon. `host` is the name of the server that speaks for the call."""
    heard = audible(call)
    chance = secrets.randbits(_CHANCE_BITS)
    _keep(where, call, path, lambda: vcon_of(call, heard, now=datetime.now(UTC), host=host, chance=chance))
    return list(heard.problems)


def _keep(where: StoreUrl, call: StoredCall, path: Path, content: Callable[[], bytes]) -> None:
    """Replace `path`. The store is told while it is empty: a file nobody knows of would outlive its caller's wish.

    Raises OSError when the file can't be written, and what `ask` raises.
    """
    made = content()
    known = FileKept(call.summary.sid, str(path.resolve()), "export", datetime.now(UTC))

    async def tell(store: CallStore) -> None:
        await store.apply([known])

    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123  the mode
        ask(where, tell, nothing=None)
        file.write(made)
