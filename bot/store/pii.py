"""Callers' numbers as keyed hashes: they find a caller's calls again, and count them, and ring nobody."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from bot.config import Settings
from bot.config.values.caller_lists import e164
from bot.config.values.database_url import KEY_BYTES, parse_key
from bot.store.urls import StoreError, StoreUrl

KEY_FILE = "calls.key"


def caller_hash(number: str, key: bytes) -> str:
    """The HMAC-SHA256 of an E.164 number in hexadecimal. Empty for SIP addresses, names and withheld numbers."""
    plain = e164(number)
    return hmac.new(key, plain.encode(), hashlib.sha256).hexdigest() if plain else ""


def pii_key(settings: Settings, where: StoreUrl) -> bytes:
    """The key of BOT_PII_KEY, else the one beside the SQLite file, made when there is none. Raises StoreError."""
    text = settings.pii_key.get_secret_value()
    if text:
        return parse_key(text)
    if where.path is None:
        raise StoreError("BOT_PII_KEY is not set, and DATABASE_URL is Postgres; make one with `openssl rand -hex 32`.")
    return key_beside(where.path)


def key_beside(database: Path) -> bytes:
    """The key in `calls.key` beside `database`, the same for all who ask at once. Raises StoreError."""
    path = database.with_name(KEY_FILE)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _make(path)
        return parse_key(path.read_text(encoding="ascii").strip())
    except OSError as error:
        raise StoreError(f"The key {path} cannot be made or read ({error.strerror}); mend its directory.") from None
    except ValueError:
        raise StoreError(
            f"The key {path} is not 32 bytes in hexadecimal; put the right one back, for no other finds a caller again."
        ) from None


def _make(path: Path) -> None:
    """A new key, whole from its first moment on: written beside, then linked, which one of several manages."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{secrets.token_hex(KEY_BYTES)}\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
