"""`bot demo`, with what it shows and leaves, and `bot model`."""

from __future__ import annotations

import asyncio
import io
import signal
import socket
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console
from typer.testing import CliRunner

from bot.call.call import Call
from bot.call.outputs import Output
from bot.call.settings import CallSettings
from bot.cli import app
from bot.realtime.session import SessionSettings
from bot.testing import VirtualCall
from bot.testing.agent import Reply, ScriptedAgent, Spoken
from bot.testing.commands.demo import Demonstration, what_next
from bot.testing.commands.live_view import LiveView
from bot.testing.commands.saved_call import SoundFile, save_page, save_wav
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.handset.twilio_texts import StreamIds
from bot.testing.model import Behaviour, SimulatedModel, SpeechAt
from tests.proof.goodbyes import tone
from tests.recording import records_sample
from tests.testing.commands.test_ring import environment
from tests.views.test_call_page import Page

MS = 1_000


class Shown:
    """The core between a virtual call and the view of it."""

    def __init__(self, core: Call, view: LiveView) -> None:
        self.call = core
        self.bridge: Any = SimpleNamespace(call=core, on_output=[])
        view.watch(cast("Any", SimpleNamespace(bridge=self.bridge)))

    @property
    def deadline_us(self) -> int | None:
        return self.call.deadline_us

    def receive(self, item: Any, now_us: int) -> list[Output]:
        outputs = self.call.receive(item, now_us)
        for output in outputs:
            for watch in self.bridge.on_output:
                watch(output, now_us)
        return outputs


def test_the_words_of_both_sides_are_shown_each_once() -> None:
    file = io.StringIO()
    settings = CallSettings(session=SessionSettings(transcription_model="gpt-transcribe"), greeting="Hello.")
    core = Shown(Call(settings), LiveView(Console(file=file, highlight=False, width=200)))
    greeting, answer = Reply((Spoken(tone(1_500, 1), "Good morning."),)), Reply((Spoken(tone(1_500, 2), "At nine."),))
    model = SimulatedModel(
        ScriptedAgent([greeting, answer]),
        Behaviour(caller_words=("When do you open?",), transcription_after_ms=200),
        speech=(SpeechAt(3_000 * MS, 3_400 * MS),),
    )
    phone = SimulatedPhone(frames=False)
    phone.hang_up(9_000 * MS)
    VirtualCall(core, phone, model).run()
    said = [line.split("s  ", 1)[1] for line in file.getvalue().splitlines() if "“" in line]
    assert said == ["bot     “Good morning.”", "caller  “When do you open?”", "bot     “At nine.”"]
    assert file.getvalue().endswith("call    over: caller_hung_up\n")


def test_the_page_of_the_demo_plays_its_sound(tmp_path: Path) -> None:
    fixture = records_sample.record(tmp_path / "a.call.jsonl", records_sample.conversation())
    save_page(fixture, tmp_path / "call.html")
    page = Page((tmp_path / "call.html").read_text())
    assert page.data["sound"]
    assert "button" in {tag for tag, _ in page.tags}


def test_what_comes_next_is_commands_that_can_be_pasted() -> None:
    left = Demonstration(Path("my demo/call.wav"), Path("my demo/a.call.jsonl"), Path("my demo/call.html"), ())
    lines = what_next(left)
    assert lines[1:3] == ["  bot show 'my demo/a.call.jsonl'", "  bot replay 'my demo/a.call.jsonl'"]
    assert "`bot model`" in "".join(lines)


@pytest.mark.parametrize("place", ["a file", "a file/below", "n" * 300])
def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path, place: str) -> None:
    (tmp_path / "a file").write_text("")
    result = CliRunner().invoke(app, ["demo", "--dir", str(tmp_path / place)])
    assert result.exit_code == 1
    assert result.stderr.endswith("choose another place with --dir.\n")


async def test_the_simulated_session_by_itself_says_what_to_set_and_ends_well_when_told() -> None:
    command = [sys.executable, "-W", "error", "-m", "bot", "model", "--port", "0"]
    for number in (signal.SIGINT, signal.SIGTERM):
        process = await asyncio.create_subprocess_exec(
            *command, env=environment(), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        _, url, key = [(await process.stdout.readline()).decode().strip() for _ in range(3)]
        assert key == "OPENAI_API_KEY=simulated-key"
        name, _, address = url.partition("=")
        assert name == "OPENAI_REALTIME_URL"
        port = int(address.rpartition(":")[2].partition("/")[0])
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        process.send_signal(number)
        assert (await process.communicate())[1] == b""
        assert process.returncode == 0


def test_a_port_that_is_taken_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(app, ["model", "--port", str(port)])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Nothing can listen on port {port} here: ")
    assert result.stderr.endswith("choose another with --port.\n")


def _heard(at_us: int) -> SimulatedPhone:
    phone = SimulatedPhone(StreamIds(stream_sid="MZ" + "0" * 32))
    phone.open(at_us)
    phone.hang_up(at_us + 100 * MS)
    phone.due(at_us + 100 * MS)
    return phone


def test_the_streams_of_a_call_are_one_recording_with_silence_between(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    file = SoundFile(path)
    file.write([_heard(0), _heard(500 * MS)])
    file.close()
    save_wav(_heard(0), tmp_path / "one.wav")
    assert path.stat().st_size - (tmp_path / "one.wav").stat().st_size == 500 * 8 * 4
