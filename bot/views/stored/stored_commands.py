"""Work of `bot calls` and `bot forget`, apart from the command line's own words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec
from rich.console import Console

from bot.config import Settings
from bot.realtime.prices import BadPrices, PriceTable, load
from bot.recording.wording import visible
from bot.store.call_store import CallStore
from bot.store.pii import KEY_FILE, caller_hash, pii_key
from bot.store.results import CallSummary, Filters, Forgotten, OutboxItem, StoredCall
from bot.store.urls import StoreError, StoreUrl, store_url
from bot.views.queries.call_query import Question, filters_of, hash_or_bad, with_time
from bot.views.queries.command_failures import WRONG_USE, Failed, told
from bot.views.queries.store_access import ask, is_there
from bot.views.queries.typed_times import is_time_word
from bot.views.stored import forget_messages
from bot.views.stored.call_list import list_json, show_list
from bot.views.stored.columns import say, times
from bot.views.stored.outbox_list import given_up, outbox_json, show_undelivered
from bot.views.stored.stored_call import call_json, show_call

_ALL = 1_000_000
_NO_CALL = "No call on record has a SID that begins with {}; bot calls lists them."


class Wanted(NamedTuple):
    """Form in which calls are wanted: for a person, for machines, or as files."""

    as_json: bool = False
    html: Path | None = None
    vcon: Path | None = None


@told()
def calls(settings: Settings, sid: str | None, asked: Question, wanted: Wanted, console: Console) -> None:
    """List calls, or print or write one of them. `sid` may be a time instead, such as `today`. Raises Failed."""
    if sid is not None and is_time_word(sid):
        asked, sid = with_time(asked, sid), None
    if sid is None and (wanted.html or wanted.vcon):
        raise Failed("Name the call that --html or --vcon shall write, by its SID.", code=WRONG_USE)
    if sid is not None and asked != Question(limit=asked.limit):
        raise Failed("A call is named by its SID alone: leave the filters away.", code=WRONG_USE)
    where = store_url(settings)
    if sid is None:
        _list(settings, where, asked, wanted, console)
        return
    call = ask(where, lambda store: store.call(sid), nothing=None)
    if call is None:
        raise Failed(_NO_CALL.format(visible(sid)))
    if wanted.html or wanted.vcon:
        _export(settings, where, call, wanted, console)
    elif wanted.as_json:
        console.file.write(call_json(call).decode() + "\n")
    else:
        show_call(call, console, _prices(settings))


def _list(settings: Settings, where: StoreUrl, asked: Question, wanted: Wanted, console: Console) -> None:
    filters = filters_of(asked, _hash_of(settings, where))
    one_more = msgspec.structs.replace(filters, limit=filters.limit + 1)
    none: list[CallSummary] = []
    found = ask(where, lambda store: store.calls(one_more), nothing=none)
    if wanted.as_json:
        console.file.write(list_json(found, filters).decode() + "\n")
        return
    show_list(found, filters, console)
    none_given_up: dict[str, int] = {}
    if failed := ask(where, lambda store: store.outbox_sizes(), nothing=none_given_up).get("failed"):
        say(console, given_up(failed), style="bold red")


@told()
def outbox(settings: Settings, sid: str | None, console: Console, *, again: bool, as_json: bool) -> None:
    """Show what waits to be told or was given up, of a call or of all, or have the latter sent again. Raises Failed."""
    where = store_url(settings)
    whole = None if sid is None else _whole_sid(where, sid)
    if again:
        number = ask(where, lambda store: store.send_again(whole), nothing=0)
        say(
            console, f"{times(number, 'entry', 'entries')} will be sent again, by the server that runs or the next one."
        )
        return
    none: list[OutboxItem] = []
    found = ask(where, lambda store: store.outbox("waiting", "failed", call_sid=whole), nothing=none)
    if as_json:
        console.file.write(outbox_json(found).decode() + "\n")
    else:
        show_undelivered(found, console)


def _whole_sid(where: StoreUrl, sid: str) -> str:
    call = ask(where, lambda store: store.call(sid), nothing=None)
    if call is None:
        raise Failed(_NO_CALL.format(visible(sid)))
    return call.summary.sid


def _prices(settings: Settings) -> PriceTable | None:
    """Today's; None where the operator's file can't be used, which `bot check` tells."""
    try:
        return load(settings.prices)
    except BadPrices:
        return None


def _export(settings: Settings, where: StoreUrl, call: StoredCall, wanted: Wanted, console: Console) -> None:
    """Write the files, then tell what of the call could not be used."""
    from bot.views.stored.exporting import export_page, export_vcon  # noqa: PLC0415  audio and replay take longer

    problems: list[str] = []
    try:
        if wanted.html:
            problems += export_page(where, call, wanted.html)
        if wanted.vcon:
            problems += export_vcon(where, call, wanted.vcon, urlsplit(settings.public_url).hostname or "localhost")
    except OSError as error:
        raise Failed(f"{error.filename} can't be written: {error.strerror}.") from None
    errors = Console(stderr=True, highlight=False)
    say(errors, *dict.fromkeys(problems))
    say(console, *(str(path) for path in (wanted.html, wanted.vcon) if path))


class Erasure(NamedTuple):
    """Report on what was erased, line by line, and a sentence for all that could not be."""

    story: list[str]
    failures: list[str]


@told()
def forget(settings: Settings, number: str, sure: Callable[[str], bool]) -> Erasure:
    """Erase everything about a caller whom the store knows, if `sure` of what is about to be. Raises Failed."""
    where = store_url(settings)
    caller = hash_or_bad("The number", number, _hash_of(settings, where))
    filters = Filters(caller_hash=caller, limit=_ALL)
    none: list[CallSummary] = []
    found = ask(where, lambda store: store.calls(filters), nothing=none)
    if found and not sure(forget_messages.about_to(found)):
        raise Failed("Nothing was erased.")

    async def erase(store: CallStore) -> Forgotten | None:
        return await store.forget(caller)

    gone = ask(where, erase, nothing=None)  # also with no call left: words may still stand in the database's log
    if gone is None or not (found or gone.in_log):
        return Erasure(["No call of this number is on record."], [])
    return Erasure(list(forget_messages.story(gone)), list(forget_messages.failures(gone)))


def _hash_of(settings: Settings, where: StoreUrl) -> Callable[[str], str]:
    """Makes the hashes that the store finds callers by. No key is made here: a new one finds nobody."""

    def hashed(number: str) -> str:
        key = where.path.with_name(KEY_FILE) if where.path and is_there(where) else None
        if key and not key.exists() and not settings.pii_key.get_secret_value():
            raise StoreError(f"The key {key} is not there, and no other finds a caller again; put it back.")
        if where.path and key is None:
            return caller_hash(number, b"no call is stored")
        return caller_hash(number, pii_key(settings, where))

    return hashed
