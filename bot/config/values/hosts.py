"""Names and addresses of hosts: which can be one at all, and which address a text stands for. Pure, no look-up."""

from __future__ import annotations

import ipaddress
import re
import socket

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_NUMERIC = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_LONGEST = 253


def address_of(host: str) -> Address | None:
    """The address that `host` is, also as 127.1, 0x7f.1 or one number, which resolvers take; None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, UnicodeError):
        return None


def is_host(host: str) -> bool:
    """True for an address, or a name that DNS could know: labels of 1 to 63 characters, the last one no number."""
    if address_of(host) is not None:
        return True
    labels = host.removesuffix(".").split(".")
    return len(host) <= _LONGEST and all(map(_LABEL.fullmatch, labels)) and not _NUMERIC.fullmatch(labels[-1])
