"""The admin token, as the operator's own systems show it."""

from __future__ import annotations

import hmac

from aiohttp import web

BEARER = {"WWW-Authenticate": "Bearer"}


def shows(request: web.Request, token: str) -> bool:
    """True if the request shows this token as a bearer token."""
    scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
    fits = hmac.compare_digest(shown.strip().encode("utf-8", "surrogateescape"), token.encode())
    return fits and scheme.lower() == "bearer"
