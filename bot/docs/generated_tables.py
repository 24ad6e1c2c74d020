"""Tables and pictures that the manual gets from data, by name, and the files that hold them between two marks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from bot.call.machines import MACHINES, drawing
from bot.call.states import State, picture
from bot.config.shown_settings import env_example, first_settings_table, settings_table
from bot.docs import TOPICS, summary
from bot.explain.end_reasons import END_REASONS
from bot.explain.exit_codes import EXIT_CODES
from bot.explain.log_lines import LOG_LINES, ROUTINE_LINES
from bot.explain.session_failures import SESSION_FAILURES
from bot.explain.transfer_outcomes import transfer_outcomes
from bot.explain.twilio_errors import TWILIO_ERRORS
from bot.observe.catalogue import ALERTS, shipped
from bot.server.bookkeeping.metric_list import FAMILIES

_SECTION = re.compile(r"(<!-- (?P<name>[a-z-]+):begin -->\n).*?(<!-- (?P=name):end -->)", re.DOTALL)
_ALERT = re.compile(r"^ *- alert: (\w+)$.*?^ *summary: (.+?)$", re.MULTILINE | re.DOTALL)


def generated(root: Path) -> dict[Path, str]:
    """Every file below `root`, a clone, that holds something made of data, as it must be."""
    found: dict[Path, str] = {root / ".env.example": env_example()}
    for path in [root / "README.md", *sorted((root / "bot/docs").glob("*.md"))]:
        text = path.read_text(encoding="utf-8")
        if _SECTION.search(text):
            found[path] = filled(text)
    return found


def filled(text: str) -> str:
    """`text` with what stands between its marks made anew. Raises KeyError for a name that is not in SECTIONS."""
    return _SECTION.sub(lambda found: f"{found[1]}{SECTIONS[found['name']]()}{found[3]}", text)


def _table(head: str, rows: Iterable[Iterable[str]]) -> str:
    columns = head.count("|") - 1
    lines = [head, "|" + "---|" * columns, *(f"| {' | '.join(cells)} |".replace("|  |", "| |") for cells in rows)]
    return "\n".join(lines) + "\n"


def _ticked(name: str) -> str:
    return f"`{name}`" if name else ""


def _states() -> str:
    return f"```mermaid\n{picture()}\n```\n"


def _machines() -> str:
    """All but the first, which has a picture of its own."""
    others = [states for states in MACHINES if states is not State]
    return "\n".join(f"{one.__doc__}\n\n```mermaid\n{drawing(one)}\n```\n" for one in others)


def _topics() -> str:
    return _table("| topic | |", ((f"[{topic}](bot/docs/{topic}.md)", summary(topic)) for topic in TOPICS))


def _metrics() -> str:
    rows = ((_ticked(one.name), _ticked(one.label), one.about) for one in FAMILIES)
    return _table("| metric | label | what it tells |", rows)


def _alerts() -> str:
    told = _ALERT.findall(shipped(ALERTS))
    rows = ((_ticked(name), said.strip("'\"").replace("{{ $labels.instance }}", "an instance")) for name, said in told)
    return _table("| alert | what it says |", rows)


def _explained(head: str, meanings: Mapping[str, str]) -> str:
    return _table(head, ((_ticked(name), meaning) for name, meaning in meanings.items()))


def _end_reasons() -> str:
    return _explained("| `reason` | in plain words |", END_REASONS)


def _log_lines() -> str:
    return _explained("| line | what it means, and the mend |", LOG_LINES)


def _routine_lines() -> str:
    return _explained("| line | what it means |", ROUTINE_LINES)


def _transfers() -> str:
    rows = (
        (one["mode"], one["person"], one["caller"], one["caller_hears"], one["person_hears"], _ticked(one["ended"]))
        for one in transfer_outcomes()
    )
    return _table("| mode | the person | the caller | the caller hears | the person hears | ended as |", rows)


def _exit_codes() -> str:
    return _explained("| code | what it says |", {str(code): meaning for code, meaning in EXIT_CODES.items()})


def _twilio_errors() -> str:
    rows = ((", ".join(one.numbers), one.meaning, one.mend) for one in TWILIO_ERRORS)
    return _table("| number | in plain words | mend |", rows)


def _session_failures() -> str:
    rows = ((_ticked(one.kind), one.shown_by, one.meaning, one.mend) for one in SESSION_FAILURES)
    return _table("| `failure` | code or close code | in plain words | mend |", rows)


SECTIONS: dict[str, Callable[[], str]] = {
    "settings": settings_table,
    "first-settings": first_settings_table,
    "topics": _topics,
    "states": _states,
    "machines": _machines,
    "metrics": _metrics,
    "alerts": _alerts,
    "end-reasons": _end_reasons,
    "log-lines": _log_lines,
    "routine-lines": _routine_lines,
    "exit-codes": _exit_codes,
    "twilio-errors": _twilio_errors,
    "session-failures": _session_failures,
    "transfer-outcomes": _transfers,
}
"""Makers of the text between `<!-- NAME:begin -->` and `<!-- NAME:end -->`, by name."""
