"""Logging: structlog and the standard library into one stream, every line masked.

Our own loggers (`bot...`) write at the level asked for. Those of structlog write to the stream themselves: the standard
library would make two records of each line, at twice its cost. All others stop at INFO, since websockets' DEBUG prints
the Authorization header; at WARNING those that print each request, connection or start at INFO. There is no access log:
it would print stream tokens.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, TextIO, get_args

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from bot.observe.masking import knowing_again, mask_value, masker
from bot.observe.terminal_text import visible

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["json", "console"]

OURS = "bot"
_FLOORS = {
    "aiohttp.access": logging.CRITICAL + 1,
    "alembic": logging.WARNING,
    "twilio": logging.WARNING,
    "websockets.server": logging.WARNING,
}
_encode = json.JSONEncoder(ensure_ascii=False).encode
_LEVELS = {name: logging.getLevelNamesMapping()[name.upper()] for name in ("critical", *get_args(Level))}


class _Handler(logging.StreamHandler[TextIO]):
    """A type of its own, so that a second `configure` replaces the first and nobody else's handler."""

    def write(self, line: str) -> None:
        """Write a finished line, or nothing where nobody takes it: a call goes on without."""
        self.acquire()
        try:
            self.stream.write(line + self.terminator)
            self.flush()
        except Exception:  # noqa: BLE001, S110  a pipe that nobody reads any more, a stream that is closed
            pass
        finally:
            self.release()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Tell that a line of a library's could not be told; Python's own way prints its arguments, unmasked."""
        told = {"name": record.name, "levelname": "ERROR", "levelno": logging.ERROR, "msg": "log_line_failed"}
        why = type(sys.exc_info()[1]).__name__
        self.write(self.format(logging.makeLogRecord({**told, "why": why})))


class _Lines:
    """One logger of ours, past the standard library's records, with the name and the level of one of its own."""

    def __init__(self, like: logging.Logger, handler: _Handler) -> None:
        self.like, self.name = like, like.name
        self.debug = self.info = self.warning = self.error = self.critical = handler.write


def configure(level: Level, form: Format | None, *, secrets: Iterable[str] = (), stream: TextIO | None = None) -> None:
    """Set up all logging of the process, to `stream` (standard error). May be called again, for loggers bound after.

    `form` None: lines for people where `stream` is a terminal, else JSON.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    handler = _Handler(stream or sys.stderr)
    form = form or ("console" if handler.stream.isatty() else "json")
    told: list[Processor] = [
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _masking(knowing_again(masker(secrets))),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendered = _render(form, colours=handler.stream.isatty())
    structlog.configure(
        processors=[_line([*_shared(), *told, *rendered])],
        logger_factory=_loggers(handler),
        wrapper_class=structlog.make_filtering_bound_logger(number),
        cache_logger_on_first_use=False,
    )
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_shared(), structlog.stdlib.ExtraAdder(), _drop_leftovers],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *told, *rendered],
        )
    )
    _install(handler, number)


def _loggers(handler: _Handler) -> Callable[..., _Lines]:
    """Makes loggers that have the name of the module, unless they are given one."""
    like = structlog.stdlib.LoggerFactory(ignore_frame_names=[__name__])
    return lambda *given: _Lines(like(*given), handler)


def _line(chain: Sequence[Callable[..., Any]]) -> Callable[[_Lines | logging.Logger, str, EventDict], str]:
    """All of `chain` as one processor. A value that can't be told costs its line, and not the call that told it."""

    def line(logger: _Lines | logging.Logger, method: str, event: Any) -> str:
        like = logger.like if isinstance(logger, _Lines) else logger  # one of their own that somebody wraps
        if not like.isEnabledFor(_LEVELS[method]):
            raise structlog.DropEvent
        try:
            for processor in chain:
                event = processor(logger, method, event)
            return str(event)
        except Exception as error:
            like.error("log_line_failed", extra={"why": type(error).__name__})  # no more of it: it may be secret
            raise structlog.DropEvent from error

    return line


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
    ]


def _spell_out(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Spell out what a terminal would act on, escape codes above all; line feeds stay in an exception only."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = visible(value, keep="\n\t" if name in {"exception", "stack"} else "")
    return event


def _drop_leftovers(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Another handler's formatter leaves these in the record, where they look like extras."""
    for name in ("message", "asctime"):
        event.pop(name, None)
    return event


def _masking(mask: Callable[[str], str]) -> Processor:
    def masking(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        for name, value in event.items():
            event[name] = mask_value(value, mask)
        return event

    return masking


def _render(form: Format, *, colours: bool) -> list[Processor]:
    if form == "json":
        return [structlog.processors.EventRenamer("message"), structlog.processors.JSONRenderer(_json)]
    plain = structlog.dev.plain_traceback  # an exception is text by now, already masked
    return [_spell_out, structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=plain)]


def _json(event: EventDict, **_: object) -> str:
    """Encode a line, of which masking has left plain values."""
    return _encode(event)


def _install(handler: _Handler, number: int) -> None:
    root = logging.getLogger()
    for old in [one for one in root.handlers if isinstance(one, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(max(number, logging.INFO))
    logging.getLogger(OURS).setLevel(number)
    for name, floor in _FLOORS.items():
        logging.getLogger(name).setLevel(max(number, floor))
