"""Odd arguments to the commands about calls: one sentence, an exit code of the three, and never a traceback."""

from __future__ import annotations

import ctypes
import gzip
import json
import os
import random
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.cli import app
from bot.config.settings_table import variables
from tests.recording import records_sample

ROOT = Path(__file__).parents[1]
FIXTURE = ROOT / "tests/fixtures/idle.call.jsonl.gz"
GOOD = gzip.decompress(FIXTURE.read_bytes())
HEAD = GOOD.partition(b"\n")[0] + b"\n"
NOISE = random.Random(7).randbytes(5_000)
NUMBER = "+15555550142"
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, PR_CAPBSET_DROP = 1, 2, 24

BAD = {
    "empty": b"",
    "zeros": bytes(100),
    "noise": NOISE,
    "nothing packed": gzip.compress(b""),
    "the first bytes of what was packed": FIXTURE.read_bytes()[:5],
    "noise that was packed": gzip.compress(NOISE),
    "a list": b"[]\n",
    "nested too deep": b"[" * 100_000,
    "no UTF-8": b"\xff\xfe" + GOOD,
    "of a version to come": GOOD.replace(b'"heardline_fixture":2', b'"heardline_fixture":99', 1),
    "a line that is none": HEAD + b"xx\n" + HEAD,
    "half a letter": HEAD + b'{"us":1,"way":"phone>bot","message":{"event":"x","a":"\\ud800"}}\n',
}
ODD = {
    "cut by a crash": gzip.compress(GOOD)[:5_000],
    "a header alone": HEAD,
    "a note that is none": HEAD + b'{"us":1,"way":"note","message":{"note":"x"}}\n',
    "times beyond reason": HEAD + b'{"us":%d,"way":"note","message":{"note":"tick"}}\n' % 10**30,
    "told nonsense": HEAD
    + b"".join(
        b'{"us":1,"way":"told","message":%s}\n' % message
        for message in (b"5", b'{"told":"end"}', b'{"told":"end","reason":7}', b'{"told":"report","details":[]}')
    ),
    "lines of Windows": GOOD.replace(b"\n", b"\r\n"),
}


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name in variables() or name.startswith("BOT_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code in {0, 1, 2}
    return result


@pytest.mark.parametrize("what", BAD)
def test_a_file_that_is_no_fixture_is_named(what: str) -> None:
    Path("a.call.jsonl").write_bytes(BAD[what])
    for command in (("show",), ("show", "--all"), ("replay",), ("show", "--html", "a.html")):
        result = run(*command, "a.call.jsonl")
        assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
        assert result.stderr.startswith("a.call.jsonl")
        assert result.stderr.endswith(".\n")
    assert not Path("a.html").exists()


@pytest.mark.parametrize("what", ODD)
def test_an_odd_fixture_is_shown_and_replayed_as_far_as_it_goes(what: str) -> None:
    Path("a.call.jsonl").write_bytes(ODD[what])
    assert run("show", "a.call.jsonl").exit_code == 0
    assert run("show", "--all", "a.call.jsonl").exit_code == 0
    assert run("show", "a.call.jsonl", "--html", "a.html").exit_code == 0
    run("replay", "a.call.jsonl")


@pytest.mark.parametrize("place", [".", "missing", "a file/below", "n" * 300, "\udcff", "/proc/self/mem"])
def test_a_place_where_no_fixture_is_to_be_had_is_named(place: str) -> None:
    Path("a file").write_text("")
    for command in ("show", "replay"):
        result = run(command, place)
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
        assert "can't be read: " in result.stderr


@pytest.mark.parametrize("place", [".", "missing/a.html", "a file/below", "n" * 300, "/dev/full"])
def test_a_place_where_no_page_can_be_written_is_named(place: str) -> None:
    Path("a file").write_text("")
    result = run("show", str(FIXTURE), "--html", place)
    assert result.exit_code == 1
    assert "can't be written: " in result.stderr


@pytest.mark.parametrize("odd", ["", "CA", "%", "'; drop table calls", "\0", "9" * 5_000, "ü" * 500, "\x1b[31m"])
def test_any_text_is_a_question_to_the_calls_on_record(odd: str) -> None:
    for option in ("--number", "--day", "--since", "--until", "--reason", "--min-usd", "--limit"):
        result = run("calls", option, odd)
        assert result.exit_code == 2 or result.stdout
    assert run("calls", odd).exit_code in {1, 2}
    assert run("forget", odd, "--yes").exit_code == 2


def _powerless() -> None:
    """Root may enter any directory: not from here on."""
    libc = ctypes.CDLL(None)
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


ONE_BY_ONE = """
import json, sys
from typer.testing import CliRunner
from bot.cli import app

ran = [CliRunner().invoke(app, line) for line in json.loads(sys.argv[1])]
print(json.dumps([(one.exit_code, one.stderr, isinstance(one.exception, SystemExit)) for one in ran]))
"""
"""Runs command after command: a start of its own takes each a second of work."""


def powerless(*lines: tuple[str, ...], **environ: str) -> list[tuple[int, str, bool]]:
    """Commands in a process that may not go where it has no business: exit code, errors, and if it ended in order."""
    done = subprocess.run(
        [sys.executable, "-c", ONE_BY_ONE, json.dumps(lines)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=_powerless if os.geteuid() == 0 else None,
    )
    return [(code, told, orderly) for code, told, orderly in json.loads(done.stdout)]


@pytest.mark.skipif(sys.platform != "linux", reason="how root gives up its rights is Linux's own")
def test_a_directory_that_may_not_be_entered_is_one_sentence(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir()
    (locked / "a.call.jsonl").write_bytes(GOOD)
    locked.chmod(0)
    store = {"DATABASE_URL": f"sqlite:///{locked}/calls.sqlite"}
    try:
        ran = powerless(
            ("calls",),
            ("calls", "CA1"),
            ("forget", NUMBER, "--yes"),
            ("show", str(locked / "a.call.jsonl")),
            ("replay", str(locked / "a.call.jsonl")),
            ("show", str(FIXTURE), "--html", str(locked / "a.html")),
            ("demo", "--dir", str(locked / "demo")),
            **store,
        )
    finally:
        locked.chmod(0o700)
    assert [code for code, _, _ in ran] == [1, 1, 1, 2, 2, 1, 1]
    for _, told, orderly in ran:
        assert orderly
        assert "Permission denied" in told
        assert told.count("\n") == 1, told


def test_a_reader_who_goes_away_and_a_disk_that_is_full_are_no_traceback() -> None:
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    shown = [sys.executable, "-m", "bot", "show", "--all", str(FIXTURE)]
    reader, writer = os.pipe()
    os.close(reader)
    for output in (writer, os.open("/dev/full", os.O_WRONLY)):
        done = subprocess.run(shown, env=environ, stdout=output, stderr=subprocess.PIPE, text=True, check=False)
        os.close(output)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
    assert done.stderr == "What there is to say can't be written: No space left on device.\n"


def test_letters_that_an_output_does_not_know_are_spelled_out() -> None:
    path = records_sample.record(Path("a.call.jsonl"), records_sample.conversation("Grüß Gott"))
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"}
    line = [sys.executable, "-m", "bot", "show", str(path)]
    done = subprocess.run(line, env=environ, capture_output=True, text=True, check=True)
    assert "Gr\\xfc\\xdf Gott" in done.stdout


def test_ctrl_c_ends_a_command_without_a_traceback(tmp_path: Path) -> None:
    fifo = tmp_path / "a.call.jsonl"
    os.mkfifo(fifo)
    for name in ("show", "replay"):
        with (
            subprocess.Popen(
                [sys.executable, "-m", "bot", name, str(fifo)],
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stderr=subprocess.PIPE,
                text=True,
            ) as process,
            fifo.open("wb"),
        ):  # it is there, and reads for ever
            while process.poll() is None:  # a signal in the middle of a finalizer is lost: people press again
                process.send_signal(signal.SIGINT)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(5)
            told = process.stderr.read() if process.stderr else ""
        assert process.returncode == 130
        assert "Traceback" not in told
