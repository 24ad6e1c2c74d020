"""Leftovers around a copied value, and values of examples. Pure; nothing said here holds the value."""

from __future__ import annotations

import re
from collections.abc import Collection

_QUOTES = "\"'`´“”„‟‘’‚‛«»‹›"  # noqa: RUF001  the typographic ones are what is meant
_PAIRS = {"<": ">", "[": "]", "{": "}", "(": ")"}
_ASSIGNED = re.compile(r"(?:(?:export|set|setx)\s+)?\$?(?:env:)?([A-Za-z_][A-Za-z0-9_]*)\s*[=:]")
_SCHEME = re.compile(r"(?i)(?:authorization:.*|(?:bearer|basic|token)\s.*)")
_REFERENCE = re.compile(r"\$[A-Z_][A-Z0-9_]*|\$\{.*\}|\$\(.*\)|%\w+%|\{\{.*\}\}|\$\{\{.*\}\}")
_COMMENT = re.compile(r"\s#")
_CODE = r"%(?:2[0257]|3[ce]|5c|60|0[9ad]|c2%a0|ef%bb%bf|e2%80%(?:8b|9[89abcdef]))"
_ENCODED = re.compile(rf"(?i)\A{_CODE}|{_CODE}\Z")
"""Percent-encoded at an end: a blank, a quotation mark, an end of line, a byte-order mark, or a % encoded once more."""
_CUT = re.compile(r"\.\.\.|…|\*{3}|•|●|x{5}")
_EXAMPLE = re.compile(
    r"(?i)(?:change[-_ ]?me|replace[-_ ]?me|todo|tbd|none|null|undefined|nil|placeholder|example|password|secret|token"
    r"|api[-_ ]?key|x+|(?:sk|ac)[-_]?x*|(?:.*[-_ ])?(?:your|insert|paste)[-_ ].*)"
)
_EXAMPLE_ADDRESS = re.compile(
    r"(?i)[a-z+]+://(?:.*@)?your(?:[-_]|domain|app|host|site|server|company).*"
    r"|.*[:\[<]your[-_ ]?(?:db[-_ ]?)?password.*"
)
_KINDS = {
    "an Account SID of Twilio": re.compile(r"AC[0-9a-fA-F]{32}"),
    "the SID of an API key of Twilio": re.compile(r"SK[0-9a-fA-F]{32}"),
    "an API key of OpenAI": re.compile(r"sk-[A-Za-z0-9_-]{16,}"),
}
_BEARERS = dict.fromkeys(("OPENAI_API_KEY", "TWILIO_AUTH_TOKEN"), "copy it again") | {
    "ADMIN_TOKEN": "`openssl rand -hex 32` makes one that can"
}
"""Variables that hold a bearer token, or only letters and digits; and the place to get a good one."""
_STRANGE = re.compile(r"[^A-Za-z0-9._~+/=\s-]")
"""Characters that no bearer token has (RFC 6750, 2.1)."""
_STRANGENESS = {
    "#": "holds a #; if a comment begins there, take it away",
    "%": "holds a %, as if it were percent-encoded; copy it again from where it was made",
}
_THEIRS = {
    "OPENAI_API_KEY": "an API key of OpenAI",
    "TWILIO_ACCOUNT_SID": "an Account SID of Twilio",
    "TWILIO_API_KEY": "the SID of an API key of Twilio",
}


def left_around(text: str, names: Collection[str]) -> str | None:
    """Something around the value `text` that is no part of it, in words that follow its name; `names` are all."""
    if any(letter in _QUOTES for letter in (text[0], text[-1])):
        both = text[0] in _QUOTES and text[-1] in _QUOTES and len(text) > 1
        where = "begins and ends" if both else "begins" if text[0] in _QUOTES else "ends"
        return f"{where} with a quotation mark that is no part of it; take {'both' if both else 'it'} away"
    if (found := _ASSIGNED.match(text)) and found[1] in names:
        return f"begins with {found[0].strip()}; leave only what comes after that"
    if _REFERENCE.fullmatch(text):
        return "is a reference that nothing has put the value in place of; give the value itself"
    if _PAIRS.get(text[0]) == text[-1]:
        return f"stands between {text[0]} and {text[-1]}; give the value itself, without them"
    if _COMMENT.search(text):
        return "ends with a comment, which is no part of it; take away the # and what comes after"
    return None


def left_on_a_word(text: str) -> str | None:
    """Something on a key, a token, an id or an address, which is one word, that is no part of it."""
    if unseen := next((letter for letter in text if not letter.isprintable() and not letter.isspace()), ""):
        return f"holds a character that can't be seen (U+{ord(unseen):04X}); copy it again, or type it"
    if _ENCODED.search(text):
        return "begins or ends with a character that was percent-encoded; copy it again from where it was made"
    if _SCHEME.fullmatch(text):
        return f"begins with {text.split(maxsplit=1)[0]}; leave only what comes after that"
    if text.endswith(("\\n", "\\r", "\\t", "\\")):
        return "ends with a backslash, or an escape that was not read as one; take it away"
    if text[-1] in ",;":
        return f"ends with a {'comma' if text[-1] == ',' else 'semicolon'}; take it away"
    if _CUT.search(text):
        return "is cut or masked, or a placeholder; copy the whole value"
    if (_EXAMPLE_ADDRESS if "://" in text else _EXAMPLE).fullmatch(text):
        return "is still a placeholder; put in the value itself"
    return None


def of_another_kind(name: str, text: str) -> str | None:
    """A secret that is plainly something else, or has something in it that none of its kind has."""
    if "://" in text:
        return "is a URL; put in the secret itself"
    mine = _THEIRS.get(name)
    for kind, pattern in _KINDS.items():
        if kind != mine and pattern.fullmatch(text):
            return f"is {kind}, which belongs elsewhere; put in what it should be"
    if name in _BEARERS and text.isascii() and (strange := _STRANGE.search(text)):
        return _STRANGENESS.get(strange[0], f"holds {strange[0]}, which can't be sent in it; {_BEARERS[name]}")
    return None
