"""Addresses at which Twilio can't reach anybody, since they mean something else on each machine, or nothing at all."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

EXAMPLE_HOSTS = ("example.com", "example.net", "example.org", "example")
"""Nobody's (RFC 2606); the first is in our own manual."""
_LOCAL_ENDS = ("local", "localhost", "localdomain", "internal", "intranet", "lan", "home.arpa", "test", "invalid")


def unreachable(public_url: str) -> list[str]:
    """A sentence when PUBLIC_URL is an https address of this machine or network. http is for loopback, and says so."""
    parts = urlsplit(public_url)
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme != "https" or not (why := _why(host)):
        return []
    return [
        f"PUBLIC_URL is an address of {why}, where Twilio can't reach it: give a public one, such as a tunnel prints."
    ]


def _why(host: str) -> str:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if "." not in host:
            return "this machine" if host == "localhost" else "a private network"
        return "a private network" if any(host.endswith(f".{end}") for end in _LOCAL_ENDS) else ""
    if address.is_loopback or address.is_unspecified:
        return "this machine"
    return "" if address.is_global else "a private network"
