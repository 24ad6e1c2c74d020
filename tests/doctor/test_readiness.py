"""Faults that keep a server from starting: `bot check` and `bot serve` never differ about them."""

from __future__ import annotations

import errno
import os
import socket
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from bot.audio import wav
from bot.cli import app
from bot.config import Settings, load_settings
from bot.config.settings_table import variables
from bot.doctor.readiness import judge
from bot.server.bookkeeping import store_service
from bot.server.http.app import make_app
from bot.server.setup.listen_address import CannotListen, try_address
from bot.server.workers import serve
from bot.server.workers.operator_messages import OperatorMessages

REAL = {
    "OPENAI_API_KEY": "sk-proj-0123456789abcdefghij",
    "TWILIO_ACCOUNT_SID": "AC0123456789abcdef0123456789abcdef",
    "TWILIO_AUTH_TOKEN": "5a0c3e9d7b1f4826a9c0e1d2b3f45867",
    "PUBLIC_URL": "https://bot.heardline.dev",
    "HOST": "127.0.0.1",
    "OPENAI_REALTIME_URL": "ws://127.0.0.1:9/v1/realtime",
}
LOUD, SILENT = b"\x00\x80" * 4000, b"\xff" * 8000


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name in variables() or name.startswith("BOT_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def unbound(monkeypatch: pytest.MonkeyPatch) -> None:
    """`bot serve` does all it does until it would listen, and returns."""

    async def begin(chosen: Settings, _: OperatorMessages) -> None:
        make_app(chosen)
        async with store_service.keeping(chosen):
            pass

    async def one(chosen: Settings, operator: OperatorMessages, *_: object) -> None:
        await begin(chosen, operator)

    def several(chosen: Settings, operator: OperatorMessages, *_: object) -> None:
        serve.run_in_loop(begin(chosen, operator))

    monkeypatch.setattr(serve, "_serve", one)
    monkeypatch.setattr("bot.server.workers.gunicorn_worker.run_workers", several)


def run(command: str, **environ: str) -> Result:
    return CliRunner().invoke(app, [command], env={**REAL, **environ})


def sound(path: Path, ulaw: bytes = LOUD) -> str:
    with wav.StereoWriter(path) as file:
        file.write(ulaw, ulaw)
    return str(path)


def both(**environ: str) -> list[str]:
    """Lines that either command says on standard error; both are the same, end with 2 and show no traceback."""
    told = []
    for command in ("check", "serve"):
        result = run(command, **environ)
        assert result.exit_code == 2, (command, result.output)
        assert isinstance(result.exception, SystemExit)
        told.append(result.stderr)
    assert told[0] == told[1]
    return told[0].splitlines()


# ---- recordings ----


@pytest.mark.parametrize("processes", ["1", "2"])
@pytest.mark.parametrize("name", ["BOT_GREETING_AUDIO", "BOT_ANNOUNCEMENT_AUDIO", "BOT_FILLER_FILE"])
def test_a_recording_that_is_none_is_named_with_its_setting_and_its_mend(
    tmp_path: Path, name: str, processes: str
) -> None:
    (path := tmp_path / "hello.ogg").write_bytes(b"OggS" + bytes(100))
    (told,) = both(
        **{name: str(path), "BOT_ANNOUNCEMENT": "Recorded." * (name == "BOT_ANNOUNCEMENT_AUDIO")},
        WEB_CONCURRENCY=processes,
    )
    assert (
        told
        == f"{name}: {path} is an Ogg file, not a WAV file; convert it, say by `ffmpeg -i FILE -ar 8000 -ac 1 OTHER.wav`."
    )


def announced(path: Path) -> dict[str, str]:
    return {"BOT_ANNOUNCEMENT": "This call is recorded.", "BOT_ANNOUNCEMENT_AUDIO": str(path), "BOT_RECORD": "audio"}


@pytest.mark.parametrize(
    ("ulaw", "why"),
    [(b"", "has no sound in it"), (LOUD[:160], "is over at once"), (SILENT, "is silent from its beginning to its end")],
)
def test_nobody_is_recorded_after_an_announcement_that_nobody_could_hear(tmp_path: Path, ulaw: bytes, why: str) -> None:
    path = tmp_path / "notice.wav"
    sound(path, ulaw)
    (told,) = both(**announced(path))
    assert told.startswith(f"BOT_ANNOUNCEMENT_AUDIO: {path} {why}; ")


def test_an_announcement_whose_header_tells_no_length_is_played_whole(tmp_path: Path) -> None:
    path = Path(sound(tmp_path / "notice.wav"))
    raw = bytearray(path.read_bytes())
    struct.pack_into("<I", raw, 40, 0)
    path.write_bytes(raw)
    assert judge(load_settings({**REAL, **announced(path)})).ready


def test_a_recording_that_may_not_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: Path, longest_s: float) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    path = sound(tmp_path / "hello.wav")
    monkeypatch.setattr(wav, "read", denied)
    (told,) = both(BOT_GREETING_AUDIO=path)
    assert (
        told
        == f"BOT_GREETING_AUDIO: {path} can't be read (Permission denied); let this user read it, or mend the path."
    )


def test_a_greeting_that_is_never_played_may_be_anything(tmp_path: Path) -> None:
    (path := tmp_path / "odd.wav").write_text("no sound")
    assert judge(load_settings({**REAL, "BOT_GREETING": "off", "BOT_GREETING_AUDIO": str(path)})).ready


def test_a_directory_of_documents_that_may_not_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(directory: Path, code: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(directory))

    monkeypatch.setattr("bot.doctor.readiness.twiml_files", denied)
    (told,) = both(BOT_TWIML_DIR=str(tmp_path))
    assert (
        told == f"BOT_TWIML_DIR: {tmp_path} can't be read (Permission denied); let this user read it, or mend the path."
    )


# ---- places ----


@pytest.mark.parametrize(
    "more", [{}, {"BOT_RECORD": "audio"}, {"DATABASE_URL": "sqlite:///elsewhere.sqlite", "BOT_RECORD": "fixture"}]
)
def test_a_record_directory_that_can_not_be_made_is_told_once(tmp_path: Path, more: dict[str, str]) -> None:
    (tmp_path / "taken").touch()
    (told,) = both(BOT_RECORD_DIR=str(tmp_path / "taken/below/it"), **more)
    assert told.startswith(f"BOT_RECORD_DIR: nothing can be written at {tmp_path}/taken/below/it")
    assert told.endswith(" (Not a directory); mend the path, or let this user write there.")


def test_a_place_for_the_calls_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    (told,) = both(DATABASE_URL=f"sqlite:///{tmp_path}/taken/calls.sqlite")
    assert told.startswith(f"DATABASE_URL: nothing can be written at {tmp_path}/taken/calls.sqlite (Not a directory)")


def _refusing(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(**_: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("bot.doctor.writable_places.tempfile.TemporaryDirectory", refuse)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.EPERM])
def test_a_place_nobody_named_is_a_warning_and_one_that_was_named_a_problem(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    _refusing(monkeypatch, number)
    unnamed = judge(load_settings(REAL))
    assert unnamed.ready
    assert unnamed.warnings[-1].endswith(
        f"recordings/calls.sqlite ({os.strerror(number)}): calls are answered, not recorded."
    )
    for named in ({"BOT_RECORD_DIR": "here"}, {"BOT_RECORD": "audio"}, {"DATABASE_URL": "sqlite:///calls.sqlite"}):
        assert len(judge(load_settings({**REAL, **named})).problems) == 1


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_keeps_no_server_from_answering_calls(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    _refusing(monkeypatch, number)
    judged = judge(load_settings({**REAL, "BOT_RECORD": "audio", "BOT_RECORD_DIR": "here"}))
    assert judged.ready
    assert any(os.strerror(number) in told for told in judged.warnings)


def test_what_was_tried_leaves_nothing_behind(tmp_path: Path) -> None:
    assert judge(load_settings({**REAL, "BOT_RECORD": "audio", "WEB_CONCURRENCY": "2"})).ready
    assert list(tmp_path.iterdir()) == []


def test_several_processes_need_a_directory_to_share_and_one_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.doctor.writable_places.tempfile.tempdir", str(tmp_path / "gone"))
    (told,) = [one for one in both(WEB_CONCURRENCY="2") if "HOST" not in one]
    assert told == (
        "WEB_CONCURRENCY is 2, and its processes can't share a directory below TMPDIR (No such file or directory); "
        "set TMPDIR to another one, or WEB_CONCURRENCY to 1."
    )


def test_a_directory_whose_path_is_too_long_for_a_socket_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (long := tmp_path / ("x" * 100)).mkdir()
    monkeypatch.setattr("bot.doctor.writable_places.tempfile.tempdir", str(long))
    (told,) = both(WEB_CONCURRENCY="2")
    assert "path too long" in told


def test_without_the_driver_of_postgres_the_way_to_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.store.urls.importlib.util.find_spec", lambda name: None)
    (told,) = both(DATABASE_URL="postgresql+asyncpg://bot:secret-word@127.0.0.1:1/calls", BOT_PII_KEY="ab" * 32)
    assert "pip install '.[postgres]'" in told
    assert "secret-word" not in told


@pytest.mark.parametrize(
    ("command", "environ", "name"),
    [
        *((command, {"BOT_RECORD_DIR": "/locked/calls"}, "BOT_RECORD_DIR") for command in ("check", "serve", "calls")),
        *(
            (command, {"DATABASE_URL": "sqlite:////locked/calls.sqlite"}, "DATABASE_URL")
            for command in ("check", "serve", "calls")
        ),
        *(
            (command, {"BOT_GREETING_AUDIO": "/locked/hello.wav"}, "BOT_GREETING_AUDIO")
            for command in ("check", "serve")
        ),
    ],
)
def test_a_path_behind_a_directory_that_may_not_be_entered_is_told_by_every_command_that_uses_it(
    monkeypatch: pytest.MonkeyPatch, command: str, environ: dict[str, str], name: str
) -> None:
    looked_at = Path.stat

    def stat(self: Path, **knobs: bool) -> os.stat_result:
        if self.parts[:2] == ("/", "locked"):
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return looked_at(self, **knobs)

    monkeypatch.setattr(Path, "stat", stat)
    result = run(command, **environ)
    assert result.exit_code in {1, 2}
    assert isinstance(result.exception, SystemExit)
    assert len(result.stderr.splitlines()) == 1
    assert "Permission denied" in result.stderr
    assert name in result.stderr


# ---- the address ----


@pytest.mark.parametrize(
    ("host", "port", "words"),
    [
        ("203.0.113.77", 8080, ("this machine has no such address", "mend it")),
        ("no-such-host.invalid", 8080, ("HOST is no-such-host.invalid", "can't be looked up")),
        ("a" * 80 + ".example", 8080, ("can't be looked up",)),
    ],
)
def test_an_address_that_can_not_be_had_is_told_as_what_it_is(host: str, port: int, words: tuple[str, ...]) -> None:
    with pytest.raises(CannotListen) as caught:
        try_address(host, port)
    assert not caught.value.taken
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("number", "port", "words"),
    [
        (errno.EADDRINUSE, 8080, "another program has that port; stop that one, or mend HOST or PORT"),
        (errno.EACCES, 80, "ports below 1024 are not for everybody; set PORT to a higher one, such as 8080"),
        (errno.EADDRNOTAVAIL, 8080, "this machine has no such address; unset HOST, or mend it"),
        (errno.EAFNOSUPPORT, 8080, "this machine does not speak that kind of address; unset HOST, or mend it"),
        (errno.EMFILE, 8080, "too many files are open; raise the limit of open files (`ulimit -n`)"),
        (errno.EACCES, 8080, "Permission denied; mend HOST or PORT"),
    ],
)
def test_each_reason_for_not_listening_has_its_own_mend(number: int, port: int, words: str) -> None:
    error = CannotListen("0.0.0.0", port, OSError(number, os.strerror(number)))
    assert str(error) == f"The server can't listen on 0.0.0.0 port {port}: {words}."
    assert error.taken == (number == errno.EADDRINUSE)


def test_a_port_that_is_taken_is_a_warning_of_check_since_it_may_be_our_own() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        result = run("check", PORT=port)
    assert result.exit_code == 0
    assert f"Warning: PORT {port} is taken: by a server that runs already, or by another program.\n" in result.stdout


# ---- all at once ----


def test_wrong_and_missing_settings_files_and_places_come_together(tmp_path: Path) -> None:
    (path := tmp_path / "hello.wav").write_text("no sound")
    told = both(
        BOT_SPEED="9",
        OPENAI_API_KEY="",
        PUBLIC_URL="https://localhost",
        BOT_GREETING_AUDIO=str(path),
        BOT_RECORD_DIR=f"{path}/x",
    )
    assert [one.split()[0].rstrip(":") for one in told] == [
        "BOT_SPEED", "BOT_GREETING_AUDIO", "BOT_RECORD_DIR", "OPENAI_API_KEY", "PUBLIC_URL",
    ]  # fmt: skip


def test_what_hangs_on_a_wrong_setting_is_not_told_before_that_is_mended() -> None:
    assert [one.split()[0] for one in both(TWILIO_AUTH_TOKEN='"a"', BOT_DIALECT="google", OPENAI_REALTIME_URL="wss://api.x.ai/v1/realtime")] == [
        "BOT_DIALECT", "TWILIO_AUTH_TOKEN",
    ]  # fmt: skip


# ---- what is right by itself, and no call works with it ----


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"OPENAI_REALTIME_MODEL": "gpt-4o-realtime-preview"}, "which OpenAI retired on 2026-05-12"),
        ({"OPENAI_REALTIME_MODEL": "gpt-4o-mini-realtime-preview-2024-12-17"}, "which OpenAI retired on 2026-05-12"),
        ({"OPENAI_REALTIME_MODEL": "gpt-4o"}, "which does not talk in a Realtime session"),
        ({"BOT_TRANSCRIPTION_MODEL": "gpt-4o-realtime-preview"}, "which does not write down speech"),
        ({"PUBLIC_URL": "https://bot.test"}, "is the address of an example"),
        ({"PUBLIC_URL": "https://203.0.113.7"}, "is the address of an example"),
        ({"PUBLIC_URL": "https://bot.localhost"}, "is an address of this machine"),
        ({"PUBLIC_URL": "https://169.254.7.7"}, "is an address of a private network"),
        ({"PUBLIC_URL": "https://bot.heardline.dev/voice/incoming"}, "ends with /voice/incoming"),
        ({"BOT_OVERFLOW_URL": "https://bot.invalid/busy"}, "is the address of an example"),
    ],
)
def test_what_can_not_work_is_missing_to_check_and_refused_by_serve_in_the_same_words(
    environ: dict[str, str], words: str
) -> None:
    found, begun = run("check", **environ), run("serve", **environ)
    assert (found.exit_code, begun.exit_code) == (1, 2)
    told = begun.stderr.splitlines()
    assert told[0].startswith(next(iter(environ)))
    assert words in told[0]
    assert [line.strip() for line in found.stdout.splitlines()[1 : len(told) + 1]] == told


CHOICES: dict[str, list[str]] = {
    "OPENAI_API_KEY": ["", '"sk-a"', "sk-..."],
    "TWILIO_AUTH_TOKEN": ["", "short", "a,b,c", "a,b"],
    "TWILIO_ACCOUNT_SID": ["", "AC1"],
    "PUBLIC_URL": [
        "",
        "https://localhost",
        "https://bot.heardline.dev/voice",
        "http://127.0.0.1:1",
        "https://bot.example.com",
        "https://192.0.2.1",
        "https://a..b.dev",
        "bot",
    ],
    "HOST": ["0.0.0.0", "203.0.113.77", "localhost"],
    "WEB_CONCURRENCY": ["1", "2", "65"],
    "BOT_DIALECT": ["azure", "xai"],
    "OPENAI_REALTIME_MODEL": ["gpt-4o-realtime-preview", "gpt-realtime", "whisper-1", "gpt-4o", "my-own"],
    "BOT_TRANSCRIPTION_MODEL": ["whisper-1", "off", "gpt-realtime-2.1"],
    "BOT_OVERFLOW_URL": ["https://example.org", "https://other.heardline.dev/busy", "http://127.0.0.1:1"],
    "BOT_GREETING": ["off", "Hello."],
    "BOT_GREETING_AUDIO": ["good.wav", "silent.wav", "text.wav", "nowhere.wav", "."],
    "BOT_ANNOUNCEMENT": ["Recorded."],
    "BOT_ANNOUNCEMENT_AUDIO": ["good.wav", "empty.wav"],
    "BOT_FILLER_FILE": ["good.wav", "silent.wav", "long.wav", "text.wav"],
    "BOT_RECORD": ["audio", "fixture", "video"],
    "BOT_RECORD_DIR": ["made", "text.wav", "text.wav/below"],
    "DATABASE_URL": [
        "sqlite:///calls.sqlite",
        "sqlite:///text.wav/x",
        "sqlite+aiosqlite:///made/calls.sqlite",
        "mysql://x",
        "sqlite:///text.wav",
        "sqlite:///~/calls.sqlite",
        "sqlite+pysqlcipher:///calls.sqlite",
        "postgres://u:p@h1,h2/db",
    ],
    "BOT_PRICES": ["prices.json", "text.wav"],
    "BOT_WEBHOOK_URL": ["https://hooks.operator.net/a?b=c", "http://hooks.operator.net", "http://127.0.0.1:1/"],
    "BOT_WEBHOOK_SECRET": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "short"],
    "BOT_RESULT_SCHEMA": ["schema.json", "prices.json", "text.wav", "nowhere.json"],
    "BOT_RESULT_MODEL": ["gpt-5.6-luna", "gpt-4.1-mini", "gpt-5", "gpt-realtime-2.1", "my-own"],
    "BOT_TWIML_DIR": ["twiml", ".", "nowhere"],
    "ADMIN_TOKEN": ["short", "long-enough-for-this"],
    "BOT_SPEED": ["1", "9"],
    "TWILIO_API_KEY": ["SK0123456789abcdef0123456789abcdef", "SK1"],
    "TWILIO_API_SECRET": ["0123456789abcdef0123456789abcdef", "'quoted'"],
    "TWILIO_API_URL": ["https://api.dublin.ie1.twilio.com", "https://api.twilio.com/2010-04-01", "dublin"],
    "BOT_KEYPAD_PAUSE_SECONDS": ["0.5", "0", "30"],
    "BOT_KEYPAD_SECONDS": ["1", "inf"],
    "BOT_KEYPAD_DIGITS": ["4", "65"],
    "BOT_KEYPAD_FINISH": ["*", "off", "hash"],
    "BOT_KEYPAD_SHORTCUTS": ["9=end_call", "0=transfer:sales", "0=transfer:nobody", "10=end_call", "#=end_call"],
    "BOT_SEND_DIGITS": ["on", "yes"],
    "BOT_DIAL_FROM": ["+12025550100", "2025550100"],
    "BOT_DIAL_ALLOW": ["+1202, +49", "withheld", "*"],
    "BOT_DIAL_HOURS": ["00:00-24:00", "8-21"],
    "BOT_DIAL_PER_NUMBER": ["0", "-1"],
    "BOT_DIAL_PER_DAY": ["1", "many"],
    "BOT_DIAL_RING_SECONDS": ["30", "30.5"],
    "BOT_DIAL_NAME": ["Miller's", "two\nlines"],
    "BOT_DIAL_DETECTION": ["off", "maybe"],
    "BOT_DIAL_USD_PER_MINUTE": ["0.014", "0,014"],
    "BOT_SMS_FROM": ["+12025550100", "Shop"],
    "BOT_SMS_ALLOW": ["caller,+49", "callers"],
    "BOT_SMS_MAX_CHARS": ["160", "0"],
    "BOT_TRANSFER": ["transfer.toml", "empty.toml", "deep.toml", "text.wav", "nowhere.toml", "."],
    "BOT_TRANSFER_NUMBERS": ["night=+15555550123", "sales=+15555550123", "sales:+1555", ","],
    "BOT_TRANSFER_CHECK_URL": ["https://free.operator.net", "free"],
    "BOT_LOOKUP_URL": ["https://who.operator.net/?key=abc", "file:///etc/passwd"],
    "BOT_PROFILES": ["profiles.toml", "odd_profiles.toml", "empty.toml", "deep.toml", "text.wav", "nowhere.toml"],
    "BOT_TOOLS": ["good_tools.py", "bad_tools.py", "twin_tools.py", "sms_tools.py", "./text.py", "nowhere", "json"],
    "BOT_TOOLS_URL": ["https://tools.operator.net", "tools", "https://u:p@tools.operator.net"],
    "BOT_TOKEN": ["1"],
    "BOT_SERVICE_HOST": ["10.0.0.1"],
    "BOT_PORT": ["tcp://10.0.0.1:80", "80"],
}


@pytest.fixture
def files(tmp_path: Path) -> None:
    sound(tmp_path / "good.wav")
    sound(tmp_path / "silent.wav", SILENT)
    sound(tmp_path / "empty.wav", b"")
    sound(tmp_path / "long.wav", LOUD * 6)
    (tmp_path / "text.wav").write_text("no sound")
    (tmp_path / "prices.json").write_text('{"date": "2026-11-22"}')
    (tmp_path / "schema.json").write_text('{"type": "object", "properties": {"a": {"type": "string"}}}')
    (tmp_path / "transfer.toml").write_text('[sales]\nnumber = "+15555550123"')
    (tmp_path / "empty.toml").write_text("")
    (tmp_path / "deep.toml").write_text("[a]\nx = " + "[" * 3000)
    (tmp_path / "profiles.toml").write_text(
        '[a]\nnumbers = ["+15555550100"]\nBOT_KEYPAD_SHORTCUTS = "0=transfer:sales"'
    )
    (tmp_path / "odd_profiles.toml").write_text('[a]\nBOT_TOOLS = "bad_tools.py"\nBOT_SPEED = 9\nPORT = 80')
    for name, called in (("good", "book"), ("bad", "end_call"), ("sms", "send_sms")):
        (tmp_path / f"{name}_tools.py").write_text(f"from bot.tools import tool\n@tool\ndef {called}():\n    'Do it.'")
    (tmp_path / "twin_tools.py").write_text("from bot.tools import tool\n" + "@tool\ndef book():\n    'Book.'\n" * 2)
    (tmp_path / "text.py").write_text("no Python")
    (tmp_path / "twiml").mkdir()
    (tmp_path / "twiml/sorry.xml").write_text("<Response>")


def test_every_setting_that_may_be_wrong_is_drawn() -> None:
    """Settings of plain texts and of numbers with bounds, which are checked one by one, are not."""
    new = {name for name in variables() if name.startswith(NEW)}
    assert new - CHOICES.keys() == {"BOT_DIAL_GREETING", "BOT_DIAL_MESSAGE", "BOT_RESULT_URL"}


NEW = (
    *("BOT_DIAL_", "BOT_KEYPAD_", "BOT_LOOKUP_", "BOT_PROFILES", "BOT_RESULT_", "BOT_SEND_", "BOT_SMS_", "BOT_TOOLS"),
    *("BOT_TRANSFER", "BOT_WEBHOOK_", "TWILIO_API_"),
)
"""Beginnings of the names of settings that make the bot do things."""


@pytest.mark.usefixtures("unbound", "files")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in CHOICES.items()}))
def test_check_and_serve_agree(environ: dict[str, str]) -> None:
    """Settings are mostly right, as an operator's are; each run has few of them."""
    few = dict(list(environ.items())[:: max(1, len(environ) // 3)])
    found, begun = run("check", **few), run("serve", **few)
    assert (found.exit_code == 0) == (begun.exit_code == 0), (few, found.output, begun.output)
    for result in (found, begun):
        assert result.exception is None or isinstance(result.exception, SystemExit), few
    assert all(line in found.output for line in begun.stderr.splitlines()), few
