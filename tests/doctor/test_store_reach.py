from __future__ import annotations

import sqlite3
from pathlib import Path

from bot.config import load_settings
from bot.doctor.store_reach import Reached, reach
from bot.store.sql.schema import migrate
from bot.store.urls import store_url

AWAY = "postgresql://bot:secret-word@127.0.0.1:1/calls?sslmode=disable"


def looked(directory: Path, **env: str) -> Reached:
    return reach(load_settings({"BOT_RECORD_DIR": str(directory), **env}))


def test_a_file_that_is_not_there_yet_is_announced_and_not_made(tmp_path: Path) -> None:
    assert looked(tmp_path) == ([f"Calls will be recorded in {tmp_path}/calls.sqlite, which the server makes."], [])
    assert list(tmp_path.iterdir()) == []


def test_a_store_without_tables_answers(tmp_path: Path) -> None:
    (tmp_path / "calls.sqlite").touch()
    ((sentence,), warnings) = looked(tmp_path)
    assert sentence.endswith("calls.sqlite answers; its tables are brought up to date when the server starts.")
    assert warnings == []


async def _made(directory: Path) -> None:
    await migrate(store_url(load_settings({"BOT_RECORD_DIR": str(directory)})))


def test_a_store_with_its_tables_answers(tmp_path: Path) -> None:
    import asyncio

    asyncio.run(_made(tmp_path))
    assert looked(tmp_path).fine[0].endswith("calls.sqlite answers.")


def test_a_store_that_does_not_answer_is_no_reason_not_to_start(tmp_path: Path) -> None:
    fine, (warning,) = looked(tmp_path, DATABASE_URL=AWAY, BOT_PII_KEY="ab" * 32)
    assert fine == []
    assert "does not answer (ConnectionRefusedError" in warning
    assert "secret-word" not in warning


def test_a_key_that_is_none_is_told(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "calls.sqlite").close()
    (tmp_path / "calls.sqlite").touch()
    (tmp_path / "calls.key").write_text("no key")
    assert "is not 32 bytes in hexadecimal" in looked(tmp_path).warnings[0]
