"""Values of PUBLIC_URL at which Twilio can't reach us: addresses of this network, and of our own doors."""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import urlsplit

EXAMPLE_HOSTS = ("example.com", "example.net", "example.org", "example")
"""Nobody's (RFC 2606); the first is in our own manual."""
_DOOR = re.compile(r"(?i)/(?:voice(?:/(?:next|status|dialled|recorded))?|media(?:/.*)?|healthz|readyz|metrics)/?$")
"""A path of ours. It may be a prefix by its looks, but whoever writes it means the webhook."""
_LOCAL_ENDS = ("local", "localhost", "localdomain", "internal", "intranet", "lan", "home.arpa", "test", "invalid")


def unreachable(public_url: str) -> list[str]:
    """A sentence when no call can come by PUBLIC_URL. http is for loopback, and says so."""
    parts = urlsplit(public_url)
    if door := _DOOR.search(parts.path):
        return [f"PUBLIC_URL ends with {door[0]}, which the bot adds by itself: take that away."]
    if parts.scheme != "https" or not (why := _why((parts.hostname or "").rstrip("."))):
        return []
    return [
        f"PUBLIC_URL is an address of {why}, where Twilio can't reach it: give a public one, such as a tunnel prints."
    ]


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that `host` is, also as 127.1, 0x7f.1 or one number, which resolvers take; None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def _why(host: str) -> str:
    address = _address(host)
    if address is None:
        if "." not in host:
            return "this machine" if host == "localhost" else "a private network"
        return "a private network" if any(host.endswith(f".{end}") for end in _LOCAL_ENDS) else ""
    if address.is_loopback or address.is_unspecified:
        return "this machine"
    return "" if address.is_global else "a private network"
