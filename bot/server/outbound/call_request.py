"""A request to make a call, as the operator's systems write it: strict JSON, nothing that is not known."""

from __future__ import annotations

import hashlib
import re

import msgspec

MAX_PURPOSE = 8_000
MAX_WORDS = 2_000
"""Characters of a greeting or a message: two minutes of speech."""
_KEY = re.compile(r"[!-~]{1,255}")


class CallRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`to` is in E.164. All else is the operator's: `purpose` goes into the instructions.

    `greeting` and `message` take the place of BOT_DIAL_GREETING and BOT_DIAL_MESSAGE; None: as those say.
    """

    to: str
    purpose: str = ""
    profile: str = ""
    greeting: str | None = None
    message: str | None = None

    @property
    def digest(self) -> str:
        """The same for the same request."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()

    @property
    def changes(self) -> dict[str, str]:
        """Settings that hold for this call alone, beside the purpose."""
        words = {"BOT_DIAL_GREETING": self.greeting, "BOT_DIAL_MESSAGE": self.message}
        return {name: text for name, text in words.items() if text is not None}


class BadRequest(Exception):
    """Nothing that could be a request: one sentence says why."""


def read_request(body: bytes) -> CallRequest:
    """Read a request. Raises BadRequest."""
    try:
        request = msgspec.json.decode(body, type=CallRequest)
    except msgspec.ValidationError as error:
        raise BadRequest(f"the body is no request for a call: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadRequest(
            'the body must be JSON, such as {"to": "+12025550142", "purpose": "Confirm a table"}'
        ) from None
    if len(request.purpose) > MAX_PURPOSE:
        raise BadRequest(f"the purpose has more than {MAX_PURPOSE} characters")
    if max(len(text) for text in ("", *request.changes.values())) > MAX_WORDS:
        raise BadRequest(f"a greeting or a message has more than {MAX_WORDS} characters")
    return request


def hashed_key(key: str) -> str:
    """The idempotency key as it is kept. Raises BadRequest."""
    if not _KEY.fullmatch(key):
        raise BadRequest(
            "the header Idempotency-Key is missing, or not 1 to 255 visible ASCII characters: with it a request that "
            "is sent twice rings once"
        )
    return hashlib.sha256(key.encode()).hexdigest()
