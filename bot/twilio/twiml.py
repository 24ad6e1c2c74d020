"""The files of `twiml/`: everything Twilio may be told, each with its placeholders (twilio-voice 2).

A placeholder is `${name}`; a dollar sign is written `$$`. All files are read and checked when the server starts.
"""

from __future__ import annotations

import difflib
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from string import Template
from xml.sax.saxutils import escape

from bot.twilio.languages import Language, language

DOCUMENTS: Mapping[str, frozenset[str]] = {
    "answer": frozenset({"stream_url", "action_url"}),
    "busy": frozenset(),
    "reject": frozenset(),
    "overflow": frozenset({"overflow_url"}),
    "hold": frozenset({"voice_url"}),
    "refused": frozenset({"sentence"}),
    "sorry": frozenset(),
    "goodbye": frozenset(),
    "limit": frozenset(),
    "spent": frozenset(),
    "transfer": frozenset({"number", "caller_id", "action_url"}),
    "send_digits": frozenset({"digits", "stream_url", "action_url"}),
    "ring": frozenset({"number", "caller_id", "ring_s", "whisper_url", "action_url"}),
    "ring_sip": frozenset({"sip", "caller_id", "ring_s", "whisper_url", "action_url"}),
    "whisper": frozenset({"summary", "key_url"}),
    "taken": frozenset(),
    "wait_for": frozenset({"room", "action_url"}),
    "join": frozenset({"room"}),
    "voicemail": frozenset({"action_url"}),
    "thanks": frozenset(),
}
"""Every document and the placeholders it must have."""
STANDING = frozenset(Language._fields)
"""Placeholders of every document: the voice, its locale and the sentences of the operator's language."""

HOLD_S = 1.0
"""The longest pause of `hold`, after which a process that leaves must still be there."""
MAX_BYTES = 65_536
"""Above 64 kB Twilio refuses a document (11750)."""

_QUOTES = {'"': "&quot;", "'": "&apos;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_HOSTILE = "<a b='c' d=\"e\">--]]>&\n"


class TwimlError(Exception):
    """A file cannot be used. One sentence: which file, what is wrong, how to mend it."""


class TwimlFiles:
    """All documents, ready to render. `directory` holds the operator's own; what it lacks is taken from ours."""

    def __init__(self, directory: Path | None = None, code: str = "") -> None:
        """Read and check every file. `code` is BOT_LANGUAGE. Raises TwimlError."""
        shipped = shipped_directory()
        if directory is not None:
            _refuse_strangers(directory)
        self._templates = {name: _load(_pick(name, directory, shipped)) for name in DOCUMENTS}
        self._standing = {name: xml_text(value) for name, value in language(code).placeholders.items()}

    def render(self, document: str, **values: str) -> str:
        """`document` with every placeholder replaced by its value, escaped for text and attributes alike.

        Raises KeyError for an unknown document and ValueError when `values` are not exactly its placeholders.
        """
        template = self._templates[document]
        if values.keys() != DOCUMENTS[document]:
            raise ValueError(f"{document}.xml takes {_listed(DOCUMENTS[document])}, not {_listed(values)}")
        return template.substitute(self._standing | {name: xml_text(value) for name, value in values.items()})


@cache
def twiml_files(directory: Path | None, code: str) -> TwimlFiles:
    """The files as they were when first asked for: processes that are started later say what the first ones say."""
    return TwimlFiles(directory, code)


def shipped_directory() -> Path:
    """Directory of the shipped files: inside the package of a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "twiml"
    return inside if inside.is_dir() else package.parent / "twiml"


def xml_text(value: str) -> str:
    """`value` for the inside of an element or a quoted attribute; what XML cannot hold becomes U+FFFD."""
    return escape(_NOT_XML.sub("\ufffd", value), _QUOTES)


def _pick(document: str, directory: Path | None, shipped: Path) -> Path:
    if directory is not None and (own := directory / f"{document}.xml").exists():
        return own
    return shipped / f"{document}.xml"


def _refuse_strangers(directory: Path) -> None:
    """A misspelt file would silently leave ours in use."""
    try:
        found = sorted(path.stem for path in directory.iterdir() if path.suffix.lower() == ".xml")
    except OSError as error:
        raise TwimlError(
            f"The TwiML directory {directory} cannot be read ({error.strerror}); mend BOT_TWIML_DIR."
        ) from None
    for name in found:
        if name not in DOCUMENTS:
            near = difflib.get_close_matches(name.lower(), DOCUMENTS, n=1)
            mend = f"rename it to {near[0]}.xml" if near else f"take it away; the names are {_files(DOCUMENTS)}"
            raise TwimlError(f"{directory / name}.xml is used for nothing: {mend}.")


def _load(path: Path) -> Template:
    """The template in `path`, proved to give well-formed TwiML whatever its values hold."""
    template = Template(_read(path))
    _check_placeholders(path, template)
    sample = dict.fromkeys(DOCUMENTS[path.stem] | STANDING, xml_text(_HOSTILE))
    try:
        root = ET.fromstring(template.substitute(sample))  # noqa: S314  the operator's own file
    except ET.ParseError as error:
        raise TwimlError(f"{path} is not well-formed XML ({error}); mend it there.") from None
    if root.tag != "Response":
        raise TwimlError(f"{path} has the root <{root.tag}>; Twilio wants <Response>.")
    if path.stem == "hold" and (pause_s := _pause_s(root)) > HOLD_S:
        late = f"whom it sends round may find nobody here after {HOLD_S:g} s; shorten its <Pause>"
        raise TwimlError(f"{path} waits for {pause_s:g} s, and {late}.")
    return template


def _pause_s(root: ET.Element) -> float:
    """Seconds that a document waits; a <Pause> that says nothing, or no number, is a second for Twilio."""
    lengths = (pause.get("length", "1") for pause in root.iter("Pause"))
    return sum(float(length) if length.isascii() and length.isdecimal() else 1.0 for length in lengths)


def _read(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise TwimlError(f"{path} cannot be read ({error.strerror}); put it there or make it readable.") from None
    if len(raw) > MAX_BYTES:
        raise TwimlError(f"{path} has {len(raw)} bytes; Twilio takes at most {MAX_BYTES}, so shorten it.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise TwimlError(f"{path} is not UTF-8; save it as UTF-8.") from None


def _check_placeholders(path: Path, template: Template) -> None:
    wanted = DOCUMENTS[path.stem]
    if not template.is_valid():
        raise TwimlError(f"{path} has a $ that starts no placeholder; write $$ for a dollar sign.")
    found = set(template.get_identifiers())
    if strange := found - wanted - STANDING:
        known = f"it may use {_listed(wanted)}" if wanted else "it may use none"
        raise TwimlError(f"{path} uses {_listed(strange)}, which nothing fills in; {known}.")
    if missing := wanted - found:
        raise TwimlError(f"{path} lacks {_listed(missing)}; without it a call cannot be answered.")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"${{{name}}}" for name in sorted(names)) or "nothing"


def _files(names: Iterable[str]) -> str:
    return ", ".join(f"{name}.xml" for name in names)
