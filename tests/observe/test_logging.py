"""The logs of the process: one stream, one shape, nothing in them that must not be."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest
import structlog

from bot.observe.logging import Format, Level, configure

KEY = "sk-proj-0123456789abcdefghij"
TOKEN = "5a0c3e9d7b1f4826a9c0e1d2b3f45867"
NUMBER = "+15555550101"
STREAM = "/media/AbC_-123456789012345678"
LOGGED = (KEY, TOKEN, NUMBER, NUMBER[1:], STREAM)
HIDDEN = (KEY, TOKEN, NUMBER[1:], STREAM.removeprefix("/media/"))


def configured(level: Level = "info", form: Format = "json") -> io.StringIO:
    stream = io.StringIO()
    configure(level, form, secrets=[KEY, TOKEN], stream=stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def fail_with(text: str) -> None:
    raise RuntimeError(text)


def log_everything_hidden() -> None:
    ours, theirs = structlog.get_logger("bot.test"), logging.getLogger("elsewhere")
    for one in LOGGED:
        ours.info("event " + one, value=one, deep={"list": [one, {one: one}]}, number=1)
        theirs.warning("%s and %s", one, {"key": one})
        try:
            fail_with(one)
        except RuntimeError:
            ours.exception("ours failed")
            theirs.exception("theirs failed")
            ours.error("as a value", error=RuntimeError(one))
    ours.bind(caller=NUMBER).info("bound", stream=STREAM)


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_secret_number_or_token_gets_into_the_logs(form: Format) -> None:
    stream = configured("debug", form)
    log_everything_hidden()
    text = stream.getvalue()
    assert text.count("theirs failed") == len(LOGGED)
    assert text.count("RuntimeError") >= 2 * len(LOGGED)
    assert "*********01" in text
    assert [one for one in HIDDEN if one in text] == []


def test_a_line_is_one_json_object_with_what_it_takes_to_read_it() -> None:
    stream = configured()
    structlog.get_logger("bot.server").info("call ended", call="CA1", heard_ms=1234, why="caller_hung_up")
    (line,) = lines(stream)
    timestamp = line.pop("timestamp")
    assert timestamp.endswith("Z")
    assert line == {
        "message": "call ended",
        "level": "info",
        "logger": "bot.server",
        "call": "CA1",
        "heard_ms": 1234,
        "why": "caller_hung_up",
    }


def test_a_logger_without_a_name_has_its_modules() -> None:
    stream = configured()
    structlog.get_logger().info("by the module")
    structlog.get_logger().bind(call="CA1").info("by the module")
    assert [line["logger"] for line in lines(stream)] == [__name__] * 2


def test_what_a_tool_binds_is_told_and_masked_and_its_own_logger_does_no_harm() -> None:
    stream = configured()
    with structlog.contextvars.bound_contextvars(caller=NUMBER):
        structlog.get_logger("bot.test").info("bound")
        structlog.wrap_logger(logging.getLogger("theirs")).info("wrapped")
    assert lines(stream)[0]["caller"].endswith("*" + NUMBER[-2:])
    assert "wrapped" in stream.getvalue()
    assert NUMBER not in stream.getvalue()


class Unread(io.StringIO):
    """A pipe that nobody reads any more."""

    def write(self, _: str) -> int:
        raise BrokenPipeError


class Untold:
    """A value whose own words fail."""

    def __repr__(self) -> str:
        raise LookupError(KEY)


def test_where_nothing_takes_a_line_the_call_goes_on() -> None:
    for stream in (Unread(), io.StringIO()):
        configure("info", "json", stream=stream)
        if not isinstance(stream, Unread):
            stream.close()
        structlog.get_logger("bot.call").error("not to be written")
        logging.getLogger("elsewhere").error("not to be written")


@pytest.mark.parametrize("value", [Untold(), {Untold(): 1}, 10**5_000], ids=["a value", "a key", "a number"])
def test_a_value_that_cannot_be_told_costs_its_line_and_not_the_call(value: object) -> None:
    stream = configured()
    structlog.get_logger("bot.call").bind(call="CA1").warning("call ended", value=value)
    (line,) = lines(stream)
    assert (line["message"], line["level"], line["logger"]) == ("log_line_failed", "error", "bot.call")
    assert line["why"] in {"LookupError", "ValueError"}


def test_a_librarys_line_that_cannot_be_told_tells_nothing_of_its_arguments(capfd: pytest.CaptureFixture[str]) -> None:
    stream = configured()
    record = logging.LogRecord("elsewhere", logging.WARNING, "", 0, "%d calls", (f"{KEY} {NUMBER}",), None)
    logging.getLogger().handlers[-1].handle(record)  # not by way of pytest's own handlers, which raise
    (line,) = lines(stream)
    assert (line["message"], line["why"], line["logger"]) == ("log_line_failed", "TypeError", "elsewhere")
    assert capfd.readouterr().err == ""


def test_no_name_of_a_field_keeps_it_from_being_masked() -> None:
    stream = configured()
    structlog.get_logger("bot.call").info("e", _from_structlog=KEY)
    assert KEY not in stream.getvalue()
    assert lines(stream)[0]["message"] == "e"


def test_a_line_may_be_written_while_the_same_thread_writes_one() -> None:
    class Interrupted(io.StringIO):
        def write(self, text: str) -> int:
            if "first" in text:
                structlog.get_logger("bot.signal").info("second")
            return super().write(text)

    stream = Interrupted()
    configure("info", "json", stream=stream)
    structlog.get_logger("bot.call").info("first")
    assert [line["message"] for line in lines(stream)] == ["second", "first"]


@pytest.mark.parametrize("name", ["operators_tool", "aiohttp.access"])
def test_who_uses_structlog_beside_us_stops_where_libraries_do(name: str) -> None:
    stream = configured("debug")
    structlog.get_logger(name).debug("too much")
    structlog.get_logger("bot.call").debug("ours")
    assert [line["message"] for line in lines(stream)] == ["ours"]


def test_an_exception_stays_on_one_line_of_json() -> None:
    stream = configured()
    try:
        fail_with("first\nsecond")
    except RuntimeError:
        logging.getLogger("elsewhere").exception("it failed")
    (line,) = lines(stream)
    assert "RuntimeError: first\nsecond" in line["exception"]


def test_a_library_looks_like_ourselves_and_keeps_its_extras() -> None:
    stream = configured()
    logging.getLogger("elsewhere").info("hello %s", "you", extra={"peer": "+15555550199"})
    (line,) = lines(stream)
    assert (line["message"], line["level"], line["logger"], line["peer"]) == (
        "hello you",
        "info",
        "elsewhere",
        "+*********99",
    )


@pytest.mark.parametrize(
    ("level", "ours", "theirs"),
    [
        ("debug", ["debug", "info", "warning", "error"], ["info", "warning", "error"]),
        ("info", ["info", "warning", "error"], ["info", "warning", "error"]),
        ("warning", ["warning", "error"], ["warning", "error"]),
        ("error", ["error"], ["error"]),
    ],
)
def test_libraries_stop_at_info_whatever_our_own_level(level: Level, ours: list[str], theirs: list[str]) -> None:
    stream = configured(level)
    loggers = {
        "structlog": structlog.get_logger("bot.call"),
        "standard": logging.getLogger("bot.call"),
        "websockets": logging.getLogger("websockets.client"),
    }
    for name, logger in loggers.items():
        for method in ("debug", "info", "warning", "error"):
            getattr(logger, method)(name)
    written = [(line["message"], line["level"]) for line in lines(stream)]
    assert [one for name, one in written if name == "structlog"] == ours
    assert [one for name, one in written if name == "standard"] == ours
    assert [one for name, one in written if name == "websockets"] == theirs


def test_there_is_no_access_log_and_twilios_client_tells_no_requests() -> None:
    stream = configured("debug")
    logging.getLogger("aiohttp.access").error("GET %s", STREAM)
    logging.getLogger("twilio.async_http_client").info("-- BEGIN Twilio API Request --")
    logging.getLogger("twilio.async_http_client").warning("kept")
    assert [line["message"] for line in lines(stream)] == ["kept"]


def test_configuring_again_replaces_the_first_and_leaves_other_handlers_alone() -> None:
    other = logging.NullHandler()
    logging.getLogger().addHandler(other)
    first = configured()
    second = configured("error", "console")
    structlog.get_logger("bot").error("once")
    assert first.getvalue() == ""
    assert second.getvalue().count("once") == 1
    assert other in logging.getLogger().handlers


def test_people_read_plain_lines_when_it_is_no_terminal() -> None:
    stream = configured("info", "console")
    structlog.get_logger("bot.call").info("call ended", why="idle")
    assert "call ended" in stream.getvalue()
    assert "why=idle" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()
