"""A call written to a file, which the store is told of: who forgets the caller erases that file too."""

from __future__ import annotations

import os
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from bot.recording.fixture import Fixture
from bot.store.call_store import CallStore
from bot.store.results import StoredCall
from bot.store.rows import FileKept
from bot.store.urls import StoreError, StoreUrl
from bot.views.call_page import render_page
from bot.views.queries.store_access import StoreUnreachable, ask
from bot.views.stored.stored_audio import audible
from bot.views.stored.stored_page import stored_page
from bot.views.stored.vcon import vcon_of
from bot.views.timeline import timeline

_CHANCE_BITS = 12


def export_page(where: StoreUrl, call: StoredCall, path: Path) -> list[str]:
    """Write the page of `call`. Returns a sentence for each file of the call that could not be used."""
    heard = audible(call)
    _keep(where, call.summary.sid, path, stored_page(call, heard, path).encode())
    return list(heard.problems)


def export_vcon(where: StoreUrl, call: StoredCall, path: Path, host: str) -> list[str]:
    """The same as a vCon. `host` is the name of the server that speaks for the call."""
    heard = audible(call)
    chance = secrets.randbits(_CHANCE_BITS)
    _keep(where, call.summary.sid, path, vcon_of(call, heard, now=datetime.now(UTC), host=host, chance=chance))
    return list(heard.problems)


def export_fixture_page(where: StoreUrl | None, fixture: Fixture, path: Path) -> bool:
    """Write the page of `fixture`. Returns whether a store knows the call, and so the page. Raises OSError."""
    page, sid = render_page(fixture).encode(), timeline(fixture).call_sid
    try:
        known = where is not None and ask(where, lambda store: store.call(sid), nothing=None) is not None
        if where is not None and known:
            _keep(where, sid, path, page)
            return True
    except (StoreUnreachable, StoreError):
        pass  # the page can be had all the same, and whoever wants it is told
    with _private(path) as file:
        file.write(page)
    return False


def _keep(where: StoreUrl, call_sid: str, path: Path, content: bytes) -> None:
    """Replace `path`. The store is told while it is empty: a file nobody knows of would outlive its caller's wish.

    Raises OSError when the file can't be written, and what `ask` raises.
    """
    known = FileKept(call_sid, str(path.resolve()), "export", datetime.now(UTC))

    async def tell(store: CallStore) -> None:
        await store.apply([known])

    with _private(path) as file:
        ask(where, tell, nothing=None)
        file.write(content)


def _private(path: Path) -> BinaryIO:
    """The file at `path`, empty, which only its owner may read: voices are in it."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
