"""The one-time token in the path of the stream URL: sealed by us, so that any worker can open it.

Laid out as nonce (16 bytes), expiry (8 bytes, seconds of the epoch, big-endian), call SID, then a zero byte, the
stream's number (one byte) and the call's profile, unless all of that is nothing, HMAC-SHA256 (32 bytes); in URL-safe
base64 without padding. Single use is not judged here: the nonce is what a registry claims.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import NamedTuple

NONCE_BYTES = 16
LIFETIME_S = 60
_EXPIRY_BYTES = 8
_MAC_BYTES = 32
_MAX_CHARS = 512
_MORE = b"\0"
_KEY_LABEL = b"heardline stream token v1"


class BadToken(Exception):
    """The token is not ours or no longer valid. `kind` is `malformed`, `forged` or `expired`, for counting."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"the stream token is {kind}")
        self.kind = kind


class StreamToken(NamedTuple):
    """Content of a token. `expires_s` counts seconds of the epoch; the token is void from that second on.

    `leg` is how many streams the call has had before. Then it has a past, which a process that does not know it has to
    find.
    """

    call_sid: str
    expires_s: int
    nonce: bytes
    leg: int = 0
    profile: str = ""
    """The profile of the call, for a process that has not seen its webhook."""

    @property
    def resumed(self) -> bool:
        return self.leg > 0


def stream_keys(auth_tokens: Sequence[str]) -> tuple[bytes, ...]:
    """One sealing key for each auth token, in order. Seal with the first, open with all."""
    return tuple(hmac.digest(token.encode(), _KEY_LABEL, hashlib.sha256) for token in auth_tokens)


def seal(call_sid: str, now_s: int, nonce: bytes, key: bytes, *, leg: int = 0, profile: str = "") -> str:
    """A token for `call_sid`, valid for 60 s from `now_s`. `nonce` is 16 random bytes, `leg` below 256."""
    if len(nonce) != NONCE_BYTES:
        raise ValueError(f"a nonce has {NONCE_BYTES} bytes, not {len(nonce)}")
    named = call_sid.encode() + (_MORE + bytes((leg,)) + profile.encode() if leg or profile else b"")
    body = nonce + (now_s + LIFETIME_S).to_bytes(_EXPIRY_BYTES, "big") + named
    return _encode(body + hmac.digest(key, body, hashlib.sha256))


def open_token(token: str, now_s: int, keys: Sequence[bytes]) -> StreamToken:
    """The content of `token`. Raises BadToken if none of `keys` sealed it, or it is out of date at `now_s`."""
    sealed = _decode(token)
    body, mac = sealed[:-_MAC_BYTES], sealed[-_MAC_BYTES:]
    # Every key is tried, so that the time taken does not tell which one fitted.
    fits = [hmac.compare_digest(hmac.digest(key, body, hashlib.sha256), mac) for key in keys]
    if not any(fits):
        raise BadToken("forged")
    expiry_end = NONCE_BYTES + _EXPIRY_BYTES
    expires_s = int.from_bytes(body[NONCE_BYTES:expiry_end], "big")
    if now_s >= expires_s:
        raise BadToken("expired")
    call_sid, _, more = body[expiry_end:].partition(_MORE)
    leg, profile = int.from_bytes(more[:1], "big"), more[1:].decode()
    return StreamToken(call_sid.decode(), expires_s, body[:NONCE_BYTES], leg, profile)


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(token: str) -> bytes:
    if len(token) > _MAX_CHARS or not token.isascii():
        raise BadToken("malformed")
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except binascii.Error:
        raise BadToken("malformed") from None
    # base64 skips foreign characters and ignores spare bits: one token has one spelling only.
    if len(raw) < NONCE_BYTES + _EXPIRY_BYTES + _MAC_BYTES or _encode(raw) != token:
        raise BadToken("malformed")
    return raw
