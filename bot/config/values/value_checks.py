"""Checks of single settings. Each takes the text and returns the value, or raises ValueError.

The message of a ValueError follows the variable's name and makes a sentence with it: "must start with https://".
It never holds the value, which may be a secret that was put in the wrong place.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo

from bot.config.values.caller_lists import parse_callers
from bot.config.values.database_url import PostgresServer, parse_database_url, parse_key
from bot.config.values.hosts import is_host
from bot.config.values.key_shortcuts import KeyShortcut, parse_shortcuts
from bot.config.values.paths import existing_file, looked_at, there, unexpanded
from bot.config.values.webhook_secret import webhook_keys
from bot.numbering.calling_hours import CallingHours, parse_hours

VOICES = ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar")
"""The names that openai-realtime 2 lists."""

_URL = re.compile(r"[A-Za-z0-9:/?#\[\]@!$&()*+,;=._~%-]+")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*")
_WORD = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CUSTOM_VOICE = re.compile(r"voice_[A-Za-z0-9_-]+")
_ACCOUNT_SID = re.compile(r"AC[0-9a-fA-F]{32}")
_API_KEY_SID = re.compile(r"SK[0-9a-fA-F]{32}")
MASKED_CHARS = 8
"""A shorter secret may be any word: to mask it would mask what is none."""
_ADMIN_CHARS = 16
_MEANS_OFF = frozenset({"none", "no", "false", "null", "0", "disabled"})
_VISIBLE = re.compile(r"[!-~]+")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


def public_url(text: str) -> str:
    """An https URL, http on loopback, with a path prefix if need be; a closing slash is dropped."""
    parts = _absolute(text, plain="http", secure="https")
    if "_" in parts.netloc:
        raise ValueError("must have no underscore in its host name: Twilio refuses such names (twilio-voice.md, 1.6)")
    if any(step in {"", ".", ".."} for step in parts.path.rstrip("/").split("/")[1:]):
        raise ValueError("must have a plain path prefix, without //, /./ or /../")
    return text.rstrip("/")


def _overflow_url(text: str, info: ValidationInfo) -> str:
    """A URL for calls that find no room. On the host of PUBLIC_URL, checked before, they would return for ever."""
    parts = _absolute(text, plain="http", secure="https")
    if parts.netloc.lower() == urlsplit(info.data.get("public_url", "")).netloc.lower():
        raise ValueError("must be on another host than PUBLIC_URL, or a call that finds no room would come back")
    return text


def _hook_url(text: str) -> str:
    """A URL of the operator's server, https, http on loopback. Those of many services carry their key in the query."""
    _absolute(re.split("[?#]", text, maxsplit=1)[0], plain="http", secure="https")
    if "#" in text or not _URL.fullmatch(text):
        raise ValueError("must hold only characters that a URL may have, and no fragment; percent-encode the others")
    return text


def realtime_url(text: str) -> str:
    """A wss URL, ws on loopback. The model is added as its query, so it has none of its own."""
    _absolute(text, plain="ws", secure="wss")
    return text.rstrip("/")


def mcp_url(text: str) -> str:
    """An https URL, http on loopback. What is secret goes into a header, so it has no query."""
    _absolute(text, plain="http", secure="https")
    return text


def twilio_api_url(text: str) -> str:
    """An https URL, http on loopback. Version and account are added to it."""
    if re.search("/20[0-9]{2}-[0-9]{2}-[0-9]{2}(?:/|$)", _absolute(text, plain="http", secure="https").path):
        raise ValueError("must end before the version of the API, which is added to it, such as https://api.twilio.com")
    return text.rstrip("/")


def _absolute(text: str, *, plain: str, secure: str) -> SplitResult:
    if not _URL.fullmatch(text):
        raise ValueError("must hold only characters that a URL may have; percent-encode the others")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("must have a valid host, and a port from 1 to 65535 if any") from None
    if parts.scheme not in {plain, secure} or not parts.hostname:
        raise ValueError(f"must be an absolute URL that starts with {secure}://")
    if port == 0 or parts.netloc.endswith(":"):
        raise ValueError("must have a port from 1 to 65535, or none")
    if not is_host(parts.hostname):
        raise ValueError("must have a host that can be one: labels of 1 to 63 characters with single dots between them")
    if "@" in parts.netloc:
        raise ValueError("must not hold a user name or password; take away what stands before the @")
    if "?" in text or "#" in text:
        raise ValueError("must end with its path; take away the query or fragment")
    if parts.scheme == plain and not is_loopback(parts.hostname):
        raise ValueError(f"must start with {secure}:// ({plain}:// is for loopback only)")
    return parts


def is_loopback(host: str) -> bool:
    """True when `host`, a name or an address, can only be this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _visible(secret: SecretStr) -> SecretStr:
    if not _VISIBLE.fullmatch(secret.get_secret_value()):
        raise ValueError("must be one word of visible ASCII characters; copy it again, without spaces or line breaks")
    return secret


def _admin_token(secret: SecretStr) -> SecretStr:
    if len(_visible(secret).get_secret_value()) < _ADMIN_CHARS:
        raise ValueError(f"must have {_ADMIN_CHARS} characters or more; `openssl rand -hex 32` makes some")
    return secret


def _auth_tokens(secret: SecretStr) -> SecretStr:
    tokens = split_tokens(secret)
    if not 1 <= len(tokens) <= 2 or not all(_VISIBLE.fullmatch(token) for token in tokens):
        raise ValueError("must be one auth token, or the new and the old one with a comma between them")
    return secret


def split_tokens(secret: SecretStr) -> tuple[str, ...]:
    """The auth tokens in the text of TWILIO_AUTH_TOKEN; none when it is empty."""
    text = secret.get_secret_value()
    return tuple(token.strip() for token in text.split(",")) if text else ()


def _database_url(secret: SecretStr) -> SecretStr:
    parse_database_url(secret.get_secret_value())
    return secret


def database_password(secret: SecretStr) -> str:
    """The password in DATABASE_URL, to be masked; empty for none."""
    text = secret.get_secret_value()
    database = parse_database_url(text) if text else None
    return database.password if isinstance(database, PostgresServer) else ""


def _key(secret: SecretStr) -> SecretStr:
    parse_key(secret.get_secret_value())
    return secret


def _webhook_secret(secret: SecretStr) -> SecretStr:
    webhook_keys(secret.get_secret_value())
    return secret


def _account_sid(text: str) -> str:
    if not _ACCOUNT_SID.fullmatch(text):
        raise ValueError("must be AC and 32 hexadecimal digits; copy the Account SID from the Twilio console")
    return text


def _api_key_sid(text: str) -> str:
    if not _API_KEY_SID.fullmatch(text):
        raise ValueError("must be SK and 32 hexadecimal digits; copy the SID of the API key from the Twilio console")
    return text


def _voice(text: str, info: ValidationInfo) -> str:
    """A known or custom voice; with xAI any word, since its list changes. BOT_DIALECT comes first in the table."""
    if text in VOICES or _CUSTOM_VOICE.fullmatch(text) or (info.data.get("dialect") == "xai" and _WORD.fullmatch(text)):
        return text
    near = difflib.get_close_matches(text.lower(), VOICES, n=1)
    hint = f"; the nearest is {near[0]}" if near else ""
    raise ValueError(f"must be one of {', '.join(VOICES)}, or the id of a custom voice (voice_...){hint}")


def _model(text: str) -> str:
    if not _MODEL.fullmatch(text):
        raise ValueError("must be the name of a model: letters, digits, dots, colons and dashes")
    return text


def _fallback(text: str) -> str:
    if text not in {"apology", "voicemail"} and not _E164.fullmatch(text):
        raise ValueError("must be apology, voicemail, or a telephone number in full, such as +15555550123")
    return text


def _number_in_full(text: str) -> str:
    if not _E164.fullmatch(text):
        raise ValueError("must be a telephone number in full, such as +15555550123")
    return text


def _numbers(text: object) -> object:
    """As a list of callers, but nobody withholds a number that is dialled."""
    return parse_callers(text, "")


def _sms_receivers(text: object) -> object:
    """The word caller beside a list of numbers."""
    return parse_callers(text, "caller")


def _hours(text: object) -> object:
    return parse_hours(text) if isinstance(text, str) else text


def _on_off(text: object) -> object:
    if isinstance(text, str):
        if text.lower() not in {"on", "off"}:
            raise ValueError("must be on or off")
        return text.lower() == "on"
    return text


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be one line without control characters")
    return text


def _off_is_empty(text: str) -> str:
    return "" if text.lower() == "off" else text


def _plain_off(text: str) -> str:
    """Other words for off would be spoken, or taken for the name of a model."""
    if text.lower() in _MEANS_OFF:
        raise ValueError(f"must be off to have none, not {text.lower()}")
    return _off_is_empty(text)


def _lower(text: object) -> object:
    return text.lower() if isinstance(text, str) else text


def _inf_is_none(text: object) -> object:
    return None if text == "inf" else text


def _listed(text: object) -> object:
    if not isinstance(text, str):
        return text
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _directory(path: Path) -> Path:
    if there(path) != "directory":
        raise ValueError(f"must be a directory that exists; make it, or mend the path{looked_at(path)}")
    return path


def _no_file(path: Path) -> Path:
    if unexpanded(path):
        raise ValueError("has a ~ or a $NAME in it, which only a shell understands; write the path in full")
    if there(path) in {"file", "other"}:
        raise ValueError("must be a directory, or a path where one can be made; a file is in its place")
    return path


Secret = Annotated[SecretStr, AfterValidator(_visible)]
AuthTokens = Annotated[SecretStr, AfterValidator(_auth_tokens)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
AdminToken = Annotated[SecretStr, AfterValidator(_admin_token)]
Key = Annotated[SecretStr, AfterValidator(_key)]


def _module(text: str) -> str:
    named = all(part.isidentifier() for part in text.split("."))
    if not (named or text.endswith(".py")):
        raise ValueError("must be the name of a Python module, such as shop.tools, or the path of a .py file")
    return text


Module = Annotated[str, AfterValidator(_module)]
WebhookSecret = Annotated[SecretStr, AfterValidator(_webhook_secret)]
HookUrl = Annotated[str, AfterValidator(_hook_url)]
AccountSid = Annotated[str, AfterValidator(_account_sid)]
ApiKeySid = Annotated[str, AfterValidator(_api_key_sid)]
TwilioApiUrl = Annotated[str, AfterValidator(twilio_api_url)]
OverflowUrl = Annotated[str, AfterValidator(_overflow_url)]
Callers = Annotated[tuple[str, ...], BeforeValidator(parse_callers)]
Shortcuts = Annotated[tuple[KeyShortcut, ...], BeforeValidator(parse_shortcuts)]
PublicUrl = Annotated[str, AfterValidator(public_url)]
RealtimeUrl = Annotated[str, AfterValidator(realtime_url)]
Model = Annotated[str, AfterValidator(_model)]
ModelOrOff = Annotated[str, AfterValidator(_plain_off), AfterValidator(lambda text: text and _model(text))]
TextOrOff = Annotated[str, AfterValidator(_plain_off)]
Line = Annotated[str, AfterValidator(_one_line)]
NumberInFull = Annotated[str, AfterValidator(_number_in_full)]
Numbers = Annotated[tuple[str, ...], BeforeValidator(_numbers)]
SmsReceivers = Annotated[tuple[str, ...], BeforeValidator(_sms_receivers)]
Hours = Annotated[CallingHours, BeforeValidator(_hours)]
OnOff = BeforeValidator(_on_off)
Fallback = Annotated[str, AfterValidator(_fallback)]
Voice = Annotated[str, AfterValidator(_voice)]
OffIsEmpty = BeforeValidator(_off_is_empty)
AnyCase = BeforeValidator(_lower)
InfIsNone = BeforeValidator(_inf_is_none)
CommaList = BeforeValidator(_listed)
Usd = Annotated[Decimal, Field(ge=0, le=1_000_000, decimal_places=9)]
"""A sum of US dollars, to the billionth."""
File = Annotated[Path, AfterValidator(existing_file)]
Directory = Annotated[Path, AfterValidator(_directory)]
NewDirectory = Annotated[Path, AfterValidator(_no_file)]
