"""The URLs we tell Twilio, and the signatures it makes over them (twilio-voice 1.5 and 3).

Everything is judged over PUBLIC_URL and the raw path and query of the request, never over what a proxy made of it.
A signature is wrong for every kind of nonsense: nothing here raises for what a stranger sent.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Sequence

from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_STREAM_SCHEMES = {"http": "ws", "https": "wss"}


def absolute(public_url: str, path_qs: str) -> str:
    """`path_qs`, which starts with a slash, under `public_url` and its path prefix."""
    return public_url.rstrip("/") + path_qs


def stream_url(public_url: str, token: str) -> str:
    """URL of the media WebSocket of `token`: ws for a plain http `public_url`, else wss."""
    scheme, rest = public_url.split("://", 1)
    return absolute(f"{_STREAM_SCHEMES[scheme.lower()]}://{rest}", f"/media/{token}")


def webhook_ok(tokens: Sequence[str], url: str, params: Sequence[tuple[str, str]], signature: str) -> bool:
    """True when one of the auth `tokens` made `signature` over a webhook.

    `url` is the exact URL Twilio requested, still percent-encoded; `params` are the fields of the form in any order,
    empty and repeated ones included, and none for a GET. Twilio drops the port over https and keeps it over http; both
    forms are accepted, as its own validator does.
    """
    return _signed(tokens, list(_port_forms(url)), params, signature)


def stream_ok(tokens: Sequence[str], url: str, signature: str) -> bool:
    """True when one of the auth `tokens` made `signature` over the upgrade to `url`, a ws or wss URL.

    Four forms are accepted: with and without a trailing slash, with and without the port (twilio-voice 3).
    """
    bare = url.rstrip("/")
    forms = [form for end in (bare, bare + "/") for form in _port_forms(end)]
    return _signed(tokens, forms, (), signature)


def _port_forms(url: str) -> Iterator[str]:
    """`url` as given, without its port, and with its port spelled out; user name, password and fragment dropped.

    Twilio's own validator takes 80 for the default port of wss, mangles a URL with a user name and a port, and loses
    a bare question mark. Path and query are kept as they came.
    """
    scheme, authority, tail = _split(url)
    host, colon, port = authority.rpartition("@")[2].rpartition(":")
    if not colon or not port.isdigit():  # the last colon of a bare [::1] is part of the address
        host, port = host + colon + port, str(_DEFAULT_PORTS.get(scheme, 0))
    yield f"{scheme}://{host}{tail}"
    yield f"{scheme}://{host}:{port}{tail}"


def _split(url: str) -> tuple[str, str, str]:
    """Scheme, authority, and all that follows up to a fragment, byte for byte."""
    scheme, _, rest = url.partition("#")[0].partition("://")
    end = min((at for at in (rest.find("/"), rest.find("?")) if at >= 0), default=len(rest))
    return scheme, rest[:end], rest[end:]


class _Form:
    """The fields of a form as RequestValidator wants them: names, and all values of a name."""

    def __init__(self, fields: Sequence[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in fields:
            self._values.setdefault(name, []).append(value)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def getall(self, name: str) -> list[str]:
        return self._values[name]


def _signed(tokens: Sequence[str], urls: Sequence[str], fields: Sequence[tuple[str, str]], signature: str) -> bool:
    form = _Form(fields)
    try:
        given = signature.encode()
        made = [RequestValidator(token).compute_signature(url, form) for token in tokens for url in urls]
    except UnicodeEncodeError:  # bytes that are no UTF-8 in the path, the form or the header: Twilio never signs such
        return False
    # No early exit: the time taken does not tell which token or form fitted.
    fits = [hmac.compare_digest(one.encode(), given) for one in made]
    return any(fits)
