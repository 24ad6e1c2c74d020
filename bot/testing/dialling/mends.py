"""Sentences for a person whose simulated call did not come about: what is wrong, and the likely mend."""

from __future__ import annotations

import errno
import socket
import ssl
from urllib.parse import SplitResult, urlsplit

import aiohttp

from bot.config.values.hosts import is_host
from bot.observe.terminal_text import visible
from bot.testing.dialling.signed_webhook import DialFailed
from bot.testing.dialling.stream_socket import StreamFailed

_LONGEST = 80
_NO_BOT_BEHIND = frozenset({502, 503, 504, 520, 521, 522, 523, 524, 530})
"""Statuses of proxies and tunnels, some of them their own, when nothing answers behind them."""
_NO_WEBSOCKET = frozenset({200, 301, 302, 307, 308, 400, 404, 405, 426, 501})


def bad_url(url: str) -> str:
    """The fault in the webhook's address as it was typed; empty when it can be tried."""
    try:
        parts, port_ok = urlsplit(url), True
        _ = parts.port
    except ValueError:
        parts, port_ok = urlsplit(""), False
    shown = visible(url[:_LONGEST])
    if not port_ok:
        return f"{shown} is no address; it is PUBLIC_URL and /voice, such as https://bot.example.com/voice."
    if parts.scheme in {"ws", "wss"}:
        return f"{shown} is the address of a stream; ring the webhook, {'http' + url[2:].partition('/media')[0]}."
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return f"{shown} is no webhook's address: it begins with https:// (http:// on this machine) and a host."
    if "@" in parts.netloc:
        return (
            "The address holds a user name or password, which PUBLIC_URL has not; take away what stands before the @."
        )
    if parts.port == 0:
        return f"{shown} has port 0, where nothing listens; leave the port away, or put in the one of the bot."
    if "#" in url:
        return f"{shown} has a # in it, which no webhook's address has; leave only what comes before it."
    if not is_host(parts.hostname):
        return f"{shown} has a host that can be none; look at its dots, and at how it is spelt."
    if any(letter.isspace() or not letter.isprintable() for letter in url):
        return f"{shown} holds a blank; an address has none."
    return ""


def webhook_mend(url: str, error: DialFailed) -> str:
    """The reason why the webhook gave nothing that Twilio could act on."""
    if error.__cause__ is not None and not error.status and error.code == _UNREACHED:
        return _unreached(url, error.__cause__)
    if error.moved:
        return f"{url} leads on to {visible(error.moved[:_LONGEST])}, which {_answered(error)}; ring that address."
    if error.code == _REFUSED:
        return f"{url} {_answered(error)}: {_status_mend(url, error)}."
    if error.code in _NO_TWIML:
        return f"{url} {_answered(error)}: another server answers there, or a page of a tunnel; look at host and path."
    return f"Twilio would give the call up (error {error.code}): {visible(str(error.detail))}."


_UNREACHED, _REFUSED = 11205, 11200
_NO_TWIML = frozenset({11750, 11770, 12100, 12102, 12300})


def stream_mend(url: str, error: StreamFailed, public_url: str) -> str:
    """The reason why the stream at `url`, which the webhook at `public_url` named, did not open."""
    if error.status == 403:
        return (
            "The bot let the webhook in and refused its stream (403): PUBLIC_URL is not the address that was rung, "
            "or a proxy changes the path; the bot's log says stream_refused and why."
        )
    if error.status in _NO_BOT_BEHIND:
        return f"The stream met status {error.status}: {_origin(url)} does not reach the bot with WebSockets."
    if error.status in _NO_WEBSOCKET:
        return (
            f"The stream met status {error.status} instead of 101: what stands before the bot does not pass WebSockets "
            "on, or the path; let it pass the headers Upgrade and Connection."
        )
    if error.status:
        return f"The stream met status {error.status} instead of 101; the bot's log says stream_refused and why."
    if error.code == _NOT_WSS:
        return f"{_hidden(url)} is not wss, and Twilio takes nothing else; let PUBLIC_URL begin with https://."
    where = "" if urlsplit(url).hostname == urlsplit(public_url).hostname else ", which PUBLIC_URL names,"
    why = _unreached(url, error.__cause__)
    return f"The webhook answered, but its stream at {_origin(url)}{where} did not open. {why}"


_NOT_WSS = 31922


def _answered(error: DialFailed) -> str:
    if error.code == _REFUSED:
        return f"answered with status {error.status}"
    return f"answered with no TwiML ({visible(error.detail[:_LONGEST])})"


def _status_mend(url: str, error: DialFailed) -> str:
    status, body = error.status, error.body
    if status == 403 and "another account" in body:
        return "TWILIO_ACCOUNT_SID is not the bot's"
    if status == 403 and "not signed" in body:
        return f"TWILIO_AUTH_TOKEN is not the bot's, or the bot's PUBLIC_URL is not {_root(url)}"
    if status in {401, 403}:
        return "something before the bot refused it, such as a firewall or a tunnel with a login"
    if status == 404:
        return f"no webhook is at that path; it is PUBLIC_URL and /voice, so try {_root(url)}/voice"
    if status == 405:
        return "what answers there takes no POST; it is PUBLIC_URL and /voice that takes calls"
    if status == 409:
        return "the call is being answered already"
    if status in _NO_BOT_BEHIND:
        return "a proxy or tunnel answers, and no bot behind it; start `bot serve`, and let the tunnel lead to its PORT"
    if status == 400 and urlsplit(url).scheme == "http":
        return "the port may want https"
    if status >= 500:
        return "the server has a defect; its log says which"
    return f"no bot answers so; it said {visible(body.strip()[:_LONGEST])!r}"


def _unreached(url: str, cause: BaseException | None) -> str:
    """The reason why no answer came at all."""
    parts, errors = urlsplit(url), list(_causes(cause))
    where = _where(parts)
    for error in errors:
        if isinstance(error, ssl.SSLCertVerificationError):
            return (
                f"The certificate of {where} is not to be trusted ({error.verify_message}), and Twilio refuses it too."
            )
        if isinstance(error, ssl.SSLError):
            plain = url.replace("https", "http", 1).replace("wss", "ws", 1)
            return f"What listens on {where} speaks no TLS; try {_hidden(plain)}, or another port."
        if isinstance(error, socket.gaierror | aiohttp.ClientConnectorDNSError):
            return f"No address is known for {parts.hostname}; look at how it is spelt."
        if isinstance(error, ConnectionRefusedError) or _number(error) == errno.ECONNREFUSED:
            return f"Nothing listens on {where}; start `bot serve` there, or mend the host or the port."
        if _number(error) in {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL}:
            return f"No way leads to {where} from here; look at the host and at the network."
        if isinstance(error, TimeoutError):
            return f"{where} did not answer in time; look at the host, at firewalls, and at whether the bot is stuck."
    secure = "" if parts.scheme in {"https", "wss"} else ", or try https"
    return f"{where} broke off without an answer in HTTP; look at the port{secure}."


def _causes(error: BaseException | None) -> list[BaseException]:
    """The error and what it came of, the last first: that is the nearest to the truth."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        inner = (getattr(error, "certificate_error", None), getattr(error, "os_error", None))
        found += [one for one in inner if isinstance(one, BaseException)]
        error = error.__cause__ or error.__context__
    return found[::-1]


def _number(error: BaseException) -> int | None:
    return error.errno if isinstance(error, OSError) else None


def _where(parts: SplitResult) -> str:
    default = 443 if parts.scheme in {"https", "wss"} else 80
    return f"{parts.hostname} port {parts.port or default}"


def _root(url: str) -> str:
    """The PUBLIC_URL of a bot that is rung at `url`; only its origin where that is no webhook."""
    parts = urlsplit(url)
    prefix, voice, rest = parts.path.rstrip("/").rpartition("/voice")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{prefix if voice and not rest else ''}"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _hidden(url: str) -> str:
    """`url` without the token in a stream's path."""
    head, media, _ = url.partition("/media/")
    return f"{head}{media}..." if media else head
