"""Requests that met no handler: what was asked, what is wrong with it, and what it was probably meant for."""

from __future__ import annotations

import re
from typing import NamedTuple

from aiohttp import web

from bot.observe.terminal_text import visible

_LONGEST = 80
_CALLED = ("/voice", "/next", "/status", "/dialled", "/recorded")
"""How the paths end that Twilio calls."""
_SLASHES = re.compile("/{2,}")


class NotFound(NamedTuple):
    """`near` is the path that was probably meant, or that Twilio seems to ask; "" for a stranger's.

    `why` says what is wrong and names the mend.
    """

    near: str
    why: str
    told: str
    """What whoever asked is told: nothing that they do not know."""


def shown(path: str) -> str:
    """A stranger's path as a log may hold it: short, on one line, and without the token of a stream."""
    head, media, rest = path.partition("/media/")
    path = f"{head}{media}..." if rest else path
    return visible(path if len(path) <= _LONGEST else f"{path[:_LONGEST]}...")


def wrong_method(request: web.Request, allowed: str) -> NotFound:
    """The path is there, and takes another method."""
    near = request.path.rpartition("/media/")[1].rstrip("/") or request.path
    takes = f"this path takes {allowed}"
    return NotFound(near, f"{takes}: Twilio's console must say so" if near.endswith(_CALLED) else takes, takes)


def no_such_path(request: web.Request, paths: frozenset[str], prefix: str) -> NotFound:
    """Nothing is at the path. `paths` are those there are, `prefix` is that of PUBLIC_URL."""
    asked = _SLASHES.sub("/", request.path).rstrip("/").lower()
    for path in sorted(paths, key=len, reverse=True):
        if asked in {path, prefix.lower() + path}:
            told = f"the path is {prefix}{path}, just so, with no slash at its end"
            return NotFound(path, f"{told}: mend it in Twilio's console" if path.endswith(_CALLED) else told, told)
        if asked.endswith(path):
            extra = asked.removesuffix(path)
            why = (
                f"the path is {prefix}{path}: mend it in Twilio's console; if a proxy leaves {shown(extra)} before it, "
                "PUBLIC_URL must end so"
            )
            return NotFound(path, why, "there is nothing here")
    if "X-Twilio-Signature" in request.headers:  # not to be lost among the paths that strangers try
        why = f"there is nothing at this path; the webhook is {prefix}/voice: mend it in Twilio's console"
        return NotFound("signed", why, "there is nothing here")
    return NotFound("", "there is nothing at this path", "there is nothing here")
