"""Numbers that are called: telephone numbers and SIP addresses, in the one spelling they are compared in."""

from __future__ import annotations

import re

from bot.config.values.caller_lists import e164

_SIP = re.compile(
    r"(?:sips?:)(?P<user>[^@;?:\s]+)(?P<password>:[^@]*)?(?:@(?P<host>\[[^\]]*\]|[^;?:\s]+))?[^\s]*", re.IGNORECASE
)
_CLIENT = re.compile(r"client:[^\s@]+", re.IGNORECASE)


def plain_number(text: str) -> str:
    """A number in full as E.164, a SIP address as `sip:user@host` or `sip:user`, in small letters; else empty.

    Port, parameters and headers of a SIP address say nothing of who is called.
    """
    text = text.strip()
    if number := e164(text):
        return number
    if _CLIENT.fullmatch(text):
        return text.lower()
    found = _SIP.fullmatch(text)
    if found is None:
        return ""
    host = f"@{found['host']}" if found["host"] else ""
    return f"sip:{found['user']}{host}".lower()


def user_of(plain: str) -> str:
    """The same user at any host: `sip:user`, or the telephone number that the user is."""
    user = plain.partition("@")[0]
    return e164(user.removeprefix("sip:")) or user
