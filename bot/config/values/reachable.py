"""Addresses at which Twilio can't reach anything: of this network, of nobody, and of our own doors."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from bot.config.values.hosts import Address, address_of

_DOOR = re.compile(
    r"(?i)/(?:voice(?:/(?:next|status|dialled|recorded|outgoing|answered|(?:whisper|briefing)(?:/.*)?))?"
    r"|media(?:/.*)?|calls(?:/.*)?|healthz|readyz|metrics)/?$"
    r"|/voice/(?:answer|call(?:back|s)?|incoming|inbound|start|twiml|webhook)/?$|/(?:incoming-call|media-stream)/?$"
)
"""A path of ours, or what other programs call theirs. It may be a prefix by its looks, but the webhook is meant."""
_EXAMPLES = ("example.com", "example.net", "example.org", "example")
"""Domains that are nobody's (RFC 2606), the first in our own manual. A trial behind a proxy may map such a name."""
_NOBODYS = ("test", "invalid", "alt")
"""RFC 6761 and 9476."""
_OF_EXAMPLES = tuple(
    map(ipaddress.ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20"))
)
_LOCAL = ("local", "localdomain", "internal", "intranet", "lan", "private", "corp", "home", "home.arpa", "onion")
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")


def unreachable(public_url: str) -> list[str]:
    """A sentence when no call can come by PUBLIC_URL. http is for loopback, and says so."""
    if door := _DOOR.search(urlsplit(public_url).path):
        return [f"PUBLIC_URL ends with {door[0]}, which the bot adds by itself: take that away."]
    return out_of_reach("PUBLIC_URL", public_url)


def out_of_reach(name: str, url: str) -> list[str]:
    """A sentence when Twilio can't reach the host of `url`, which is the setting `name`."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not (whose := _whose((parts.hostname or "").rstrip("."))):
        return []
    if whose == "an example":
        return [f"{name} is the address of an example: put in the one at which Twilio reaches this server."]
    return [
        f"{name} is an address of {whose}, where Twilio can't reach it: give a public one, such as a tunnel prints."
    ]


def is_example(url: str) -> bool:
    """True of a URL whose host is a name that documents use."""
    return _ends((urlsplit(url).hostname or "").rstrip("."), _EXAMPLES)


def _whose(host: str) -> str:
    """The kind of place that is not for the world; empty for one that may be."""
    if (address := address_of(host)) is not None:
        return _whose_address(_inner(address))
    if _ends(host, _NOBODYS):
        return "an example"
    if _ends(host, ("localhost",)):
        return "this machine"
    return "a private network" if "." not in host or _ends(host, _LOCAL) else ""


def _ends(host: str, ends: tuple[str, ...]) -> bool:
    return any(host == end or host.endswith(f".{end}") for end in ends)


def _whose_address(address: Address) -> str:
    if address.is_loopback or address.is_unspecified:
        return "this machine"
    if any(address in network for network in _OF_EXAMPLES):
        return "an example"
    return "" if address.is_global and not address.is_multicast else "a private network"


def _inner(address: Address) -> Address:
    """The IPv4 address in one of IPv6, where that is all it stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or (inner if address in _TRANSLATED else address)
