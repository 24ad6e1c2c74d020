"""Retention, and forgetting a caller: what is gone is gone from rows, from the disk and from the file's bytes."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from bot.store.call_store import CallStore
from bot.store.results import Retention
from bot.store.rows import LATER, EventKept
from bot.store.upkeep import erasing
from bot.store.urls import StoreUrl
from tests.store.row_samples import (
    DAY,
    HASH,
    NOW,
    ONE,
    OTHER_HASH,
    SECOND,
    THREE,
    TWO,
    ended,
    event,
    kept,
    said,
    seen,
    started,
    used,
    whole_call,
)

WORDS = "my card number is four two four two"
MONTH = Retention(recordings_days=30, fixtures_days=30, transcripts_days=30)


def file_of(where: StoreUrl, name: str) -> str:
    """A file in the recording directory, with something in it."""
    where.record_dir.mkdir(exist_ok=True)
    path = where.record_dir / name
    path.write_bytes(gzip.compress(b"a voice"))
    return str(path)


def left(where: StoreUrl) -> set[str]:
    return {path.name for path in where.record_dir.iterdir()}


def database_bytes(where: StoreUrl) -> bytes:
    """SQLite's file and its log."""
    assert where.path is not None
    return b"".join(path.read_bytes() for path in sorted(where.path.parent.glob("calls.sqlite*")))


# ---- retention ----


async def test_each_kind_of_file_goes_when_its_own_time_is_over(store: CallStore, where: StoreUrl) -> None:
    old, new = NOW - 8 * DAY, NOW - 6 * DAY
    names = ("old.call.jsonl", "new.call.jsonl", "old.wav", "new.wav", "export.json")
    fixture, new_fixture, wav, new_wav, export = (file_of(where, name) for name in names)
    await store.apply([
        *(started(), kept(fixture, at=old), kept(new_fixture, at=new)),
        *(kept(wav, kind="recording", at=old), kept(new_wav, kind="recording", at=new)),
        kept(export, kind="export", at=old),
    ])  # fmt: skip
    done = await store.purge(NOW, Retention(recordings_days=9, fixtures_days=7))
    assert (done.files, done.failed, done.texts) == ([fixture], {}, 0)
    assert left(where) == {"new.call.jsonl", "old.wav", "new.wav", "export.json"}
    done = await store.purge(NOW, Retention(recordings_days=7))
    assert done.files == [wav]
    call = await store.call(ONE)
    assert call is not None
    assert {row.path for row in call.files} == {new_fixture, new_wav, export}


async def test_a_fixture_that_was_packed_since_goes_with_its_name(store: CallStore, where: StoreUrl) -> None:
    packed, forgotten = file_of(where, "a.call.jsonl.gz"), file_of(where, "b.call.jsonl.gz")
    await store.apply([
        *(started(ONE), kept(packed.removesuffix(".gz"), at=NOW - 8 * DAY)),
        *(started(TWO, caller_hash=OTHER_HASH), kept(forgotten.removesuffix(".gz"), sid=TWO)),
    ])  # fmt: skip
    done = await store.purge(NOW, Retention(fixtures_days=7))
    assert (done.files, done.failed) == ([packed], {})
    call = await store.call(ONE)
    assert call is not None
    assert call.files == []
    assert (await store.forget(OTHER_HASH)).erased == [forgotten]
    assert left(where) == set()


async def test_words_go_and_figures_stay(store: CallStore) -> None:
    await store.apply([*whole_call(ONE), *whole_call(TWO), said("still there", 9, sid=TWO)])
    before = await store.call(ONE)
    await store.apply([ended(TWO, NOW + DAY)])
    done = await store.purge(NOW + 30 * DAY + 61 * SECOND, MONTH)
    assert done.texts == 1
    after, other = await store.call(ONE), await store.call(TWO)
    assert before is not None and after is not None and other is not None  # noqa: PT018  for the type checker
    assert {(turn.text, turn.unheard) for turn in after.turns} == {(None, "")}
    assert [(turn.began_us, turn.cut) for turn in after.turns] == [(turn.began_us, turn.cut) for turn in before.turns]
    assert after.summary.purged_at == NOW + 30 * DAY + 61 * SECOND
    same = {name for name in before.summary.__struct_fields__ if name != "purged_at"}
    assert all(getattr(after.summary, name) == getattr(before.summary, name) for name in same)
    assert after.usages == before.usages
    assert "still there" in {turn.text for turn in other.turns}
    assert (await store.purge(NOW + 30 * DAY + 62 * SECOND, MONTH)).texts == 0


async def test_a_summary_goes_with_the_words_and_the_other_events_of_a_transfer_stay(store: CallStore) -> None:
    told = (("transfer_began", {"destination": "sales"}), ("transfer_summary", {"summary": WORDS}))
    rows = [EventKept(ONE, LATER + number, 0, name, "info", details) for number, (name, details) in enumerate(told)]
    await store.apply([started(), *rows, ended(at=NOW - 31 * DAY)])
    assert [name for name, _ in await store.events(ONE, ("transfer_began", "transfer_summary"))] == [
        "transfer_began",
        "transfer_summary",
    ]
    await store.purge(NOW, MONTH)
    assert await store.events(ONE, ("transfer_began", "transfer_summary")) == [
        ("transfer_began", {"destination": "sales"})
    ]


async def test_zero_days_are_for_ever(store: CallStore, where: StoreUrl) -> None:
    path = file_of(where, "a.wav")
    await store.apply([*whole_call(), kept(path, kind="recording")])
    done = await store.purge(NOW + 10_000 * DAY, Retention())
    assert (done.files, done.texts) == ([], 0)
    assert left(where) == {"a.wav"}


async def test_a_file_of_another_instance_is_left_to_that_one_for_a_week(store: CallStore) -> None:
    await store.apply([kept("/not/on/this/machine.wav", kind="recording")])
    for day, rows in ((31, 1), (36, 1), (38, 0)):
        assert (await store.purge(NOW + day * DAY, MONTH)).files == []
        call = await store.call(ONE)
        assert call is not None
        assert len(call.files) == rows


async def test_a_file_that_resists_is_told_and_tried_again(store: CallStore, where: StoreUrl) -> None:
    path = where.record_dir / "directory.wav"
    (path / "inside").mkdir(parents=True)
    await store.apply([kept(str(path), kind="recording")])
    for _ in range(2):
        done = await store.purge(NOW + 31 * DAY, MONTH)
        assert (done.files, list(done.failed)) == ([], [str(path)])
    call = await store.call(ONE)
    assert call is not None
    assert len(call.files) == 1


async def test_processes_that_are_long_gone_are_dropped_unless_a_call_is_theirs(store: CallStore) -> None:
    await store.apply([seen("gone"), seen("owner"), seen("here", NOW + DAY), started(owner="owner")])
    await store.purge(NOW + DAY + SECOND, Retention())
    await store.apply([started(TWO, owner="gone"), started(THREE, owner="here")])
    known = {owner.owner: owner.seen_at for owner in await store.open_owners()}
    assert known == {"owner": NOW, "gone": None, "here": NOW + DAY}


# ---- forgetting ----


async def test_everything_about_a_caller_is_erased_and_told(store: CallStore, where: StoreUrl, tmp_path: Path) -> None:
    fixture, wav = file_of(where, f"20261122T120000Z-{ONE}.call.jsonl"), file_of(where, f"20261122T120000Z-{ONE}.wav")
    unknown = file_of(where, f"20261122T120000Z-{TWO}-2.call.jsonl")  # made, and the process died before it told
    others = file_of(where, f"20261122T120000Z-{THREE}.call.jsonl")
    export = tmp_path / "for the lawyers.vcon.json"
    export.write_text(WORDS)
    await store.apply([
        *whole_call(ONE),
        *(kept(fixture), kept(wav, kind="recording"), kept(str(export), kind="export")),
        *(started(TWO), said(WORDS, sid=TWO), ended(TWO)),
        *(started(THREE, caller_hash=OTHER_HASH), said("Hello", sid=THREE), kept(others, sid=THREE)),
    ])  # fmt: skip
    gone = await store.forget(HASH)
    assert (gone.calls, gone.turns, gone.usages, gone.events) == (2, 4, 3, 1)
    assert set(gone.erased) == {fixture, wav, unknown, str(export)}
    assert gone.outside == [str(export)]
    assert gone.missing == [f"/recordings/{ONE}.call.jsonl"]
    assert (gone.failed, gone.live, gone.in_log) == ({}, [], False)
    assert not export.exists()
    assert left(where) == {Path(others).name}
    assert [call.sid for call in await store.calls()] == [THREE]
    assert await store.call(ONE) is None
    assert await store.conversation(TWO) == []
    again = await store.forget(HASH)
    assert (again.calls, again.erased, again.missing) == (0, [], [])


async def test_the_files_of_a_call_whose_sid_begins_like_another_s_are_not_taken_for_its_own(
    store: CallStore, where: StoreUrl
) -> None:
    file_of(where, "20261122T120000Z-CA12.call.jsonl")
    await store.apply([started("CA1")])
    assert (await store.forget(HASH)).erased == []
    assert left(where) == {"20261122T120000Z-CA12.call.jsonl"}


async def test_nobody_in_particular_cannot_be_forgotten(store: CallStore) -> None:
    await store.apply([started(caller_hash="")])
    with pytest.raises(ValueError, match="an empty hash is nobody's"):
        await store.forget("")
    assert len(await store.calls()) == 1


async def test_a_call_that_goes_on_is_told_and_leaves_no_more_behind(store: CallStore, where: StoreUrl) -> None:
    await store.apply([started(), said(WORDS)])
    gone = await store.forget(HASH)
    assert (gone.calls, gone.live) == (1, [ONE])
    late = file_of(where, f"20261122T120000Z-{ONE}.wav")
    await store.apply([said("and more", 2), used(5), event(), kept(late, kind="recording"), ended(), started()])
    assert await store.calls() == []
    assert await store.spent_since(NOW - DAY) == 0
    assert left(where) == set()


async def test_rows_of_other_calls_in_the_same_batch_are_stored(store: CallStore) -> None:
    await store.apply([started()])
    await store.forget(HASH)
    await store.apply([said("late"), *whole_call(TWO)])
    assert [(call.sid, call.nano_usd) for call in await store.calls()] == [(TWO, 12_030_000)]


async def test_another_instance_erases_its_own_files_with_its_next_purge(
    store: CallStore, where: StoreUrl, tmp_path: Path
) -> None:
    there = StoreUrl(where.url, where.dialect, tmp_path / "other disk", where.path, where.connect_args)
    elsewhere = file_of(there, f"20261122T120000Z-{ONE}.wav")
    mine = file_of(there, f"20261122T120000Z-{TWO}.wav")
    await store.apply([started(), kept("/their/path.wav", kind="recording")])
    assert (await store.forget(HASH)).missing == ["/their/path.wav"]
    other = CallStore(there, now=lambda: NOW)
    try:
        assert (await other.purge(NOW + SECOND, Retention())).files == [elsewhere]
        assert left(there) == {Path(mine).name}
        file_of(there, f"20261122T120000Z-{ONE}.wav")
        await other.purge(NOW + erasing.TOMBSTONE + SECOND, Retention())
        assert left(there) == {Path(mine).name}
        file_of(there, f"20261122T120000Z-{ONE}.wav")
        assert (await other.purge(NOW + erasing.TOMBSTONE + DAY, Retention())).files == []
    finally:
        await other.close()


async def test_a_file_that_resists_keeps_an_empty_call_until_it_is_gone(store: CallStore, where: StoreUrl) -> None:
    path = where.record_dir / "stubborn.wav"
    (path / "inside").mkdir(parents=True)
    fine = file_of(where, "fine.wav")
    await store.apply([*whole_call(), kept(str(path), kind="recording"), kept(fine, kind="recording")])
    gone = await store.forget(HASH)
    assert (gone.erased, list(gone.failed)) == ([fine], [str(path)])
    call = await store.call(ONE)
    assert call is not None
    assert (call.turns, call.usages, call.events, [row.path for row in call.files]) == ([], [], [], [str(path)])
    summary = call.summary
    assert (summary.caller, summary.called, summary.nano_usd, summary.tokens, summary.waits) == ("", "", 0, {}, {})
    await store.apply([said("late")])
    (path / "inside").rmdir()
    path.rmdir()
    path.write_text("a voice")
    again = await store.forget(HASH)
    assert (again.calls, again.erased, again.failed) == (1, [str(path)], {})
    assert await store.calls() == []


async def test_forgotten_words_are_not_in_the_bytes_of_the_file(store: CallStore, where: StoreUrl) -> None:
    if where.dialect != "sqlite":
        pytest.skip("Postgres overwrites what is deleted in its own time")
    long = " ".join([WORDS] * 500)  # longer than a page
    other = "a caller who wants to be remembered"
    await store.apply([started(), said(WORDS), said(long, 2, cut=True, unheard=long), event(), kept(f"/x/{WORDS}")])
    await store.apply([started(TWO, caller_hash=OTHER_HASH), said(other, sid=TWO)])
    before = database_bytes(where)
    assert WORDS.encode() in before
    assert HASH.encode() in before
    gone = await store.forget(HASH)
    assert not gone.in_log
    after = database_bytes(where)
    assert WORDS.encode() not in after
    assert HASH.encode() not in after
    assert other.encode() in after


async def test_purged_words_are_not_in_the_bytes_of_the_file(store: CallStore, where: StoreUrl) -> None:
    if where.dialect != "sqlite":
        pytest.skip("Postgres overwrites what is deleted in its own time")
    await store.apply([started(), said(WORDS, unheard=f"{WORDS} 2"), ended()])
    assert WORDS.encode() in database_bytes(where)
    await store.purge(NOW + 31 * DAY, MONTH)
    assert WORDS.encode() not in database_bytes(where)


async def test_words_that_a_reader_holds_in_the_log_are_told(
    store: CallStore, where: StoreUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    if where.dialect != "sqlite":
        pytest.skip("SQLite's log")
    from sqlalchemy import text

    from bot.store.sql import engine

    monkeypatch.setattr(engine, "_PRAGMAS", ("busy_timeout = 1", *engine._PRAGMAS[1:]))
    impatient, reader = CallStore(where, now=lambda: NOW), engine.make_engine(where)
    try:
        await impatient.apply([started(), said(WORDS)])
        async with reader.connect() as connection:
            await connection.execute(text("SELECT count(*) FROM turns"))  # and stays in its transaction
            assert (await impatient.forget(HASH)).in_log
    finally:
        await impatient.close()
        await reader.dispose()


async def test_a_forgetting_and_a_writer_do_not_leave_a_call_between_them(store: CallStore, where: StoreUrl) -> None:
    import asyncio

    writer = CallStore(where, now=lambda: NOW)
    try:
        await store.apply([started()])
        await asyncio.gather(*(writer.apply([said(WORDS, number)]) for number in range(10)), store.forget(HASH))
    finally:
        await writer.close()
    assert await store.calls() == []
    assert await store.conversation(ONE) == []
