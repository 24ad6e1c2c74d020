"""`python -m tests.offline.figures`: the offline agent's times, errors and memory, measured on this machine.

The agent runs as `bot serve --offline` starts it. A caller's recorded words come in real time, 20 ms by 20 ms; what
counts is the time from the end of the last loud frame to the first sound of the answer that can be heard, with the half
second of silence that ends a turn in it. Needs the recordings beside the repository.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from bot.audio import mulaw
from tests.offline.word_errors import Clip, errors, spoken_clips

STARTS = 5
START_S, ANSWER_S = 5.0, 1.0
"""Bounds: of a cold start, and of the first sound of an answer."""
SILENCE_MS = 500
FRAME = 160
LOUD = 300
"""Root mean square of a frame that still is speech; the clips' background is far below."""


def main() -> None:
    argparse.ArgumentParser("python -m tests.offline.figures", description=__doc__).parse_args()
    """Print a table row for each figure."""
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before")
    ready, first = zip(*(cold_start() for _ in range(STARTS)), strict=True)
    print(row("cold start: process to ready", ready, START_S))
    print(row("cold start: process to first sound of the greeting", first, START_S))
    process, url = started()
    try:
        turns, transcripts = asyncio.run(all_turns(url, spoken_clips()))
        memory = memory_mb(process.pid)
    finally:
        stopped(process)
    print(row("end of speech to first sound", turns, ANSWER_S))
    said = sum(len(clip.words.split()) for clip, _ in transcripts)
    wrong = sum(errors(clip.words, heard) for clip, heard in transcripts)
    print(f"| words wrong, through mu-law | {wrong} of {said} ({100 * wrong / said:.0f} %) |")
    print(f"| memory after that | {memory[0]} MB, {memory[1]} MB at most |")
    print(f"load {os.getloadavg()[0]:.1f} after")


def row(name: str, seconds: Any, most_s: float) -> str:
    """A figure with its spread, and the bound that it has to keep."""
    kept = "all" if max(seconds) < most_s else f"all but {sum(one >= most_s for one in seconds)} of {len(seconds)}"
    return f"| {name} | median {statistics.median(seconds):.2f} s, {min(seconds):.2f} to {max(seconds):.2f} s; under {most_s:g} s: {kept} |"


def started() -> tuple[subprocess.Popen[bytes], str]:
    """The agent, ready."""
    process = subprocess.Popen([sys.executable, "-m", "bot.offline"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    return process, process.stdout.readline().decode().strip()


def stopped(process: subprocess.Popen[bytes]) -> None:
    process.communicate()


def cold_start() -> tuple[float, float]:
    """Seconds from nothing to a server, and to a voice."""
    began_s = time.perf_counter()
    process, url = started()
    ready_s = time.perf_counter() - began_s
    asyncio.run(greeted(url))
    first_s = time.perf_counter() - began_s
    stopped(process)
    return ready_s, first_s


async def greeted(url: str) -> None:
    async with session(url) as socket:
        await configured(socket)
        await socket.send(json.dumps({"type": "response.create"}))
        await event(socket, "response.output_audio.delta")


async def all_turns(url: str, clips: list[Clip]) -> tuple[list[float], list[tuple[Clip, str]]]:
    """For each clip the seconds from the end of its speech to the first sound, and the words that were understood."""
    times, found = [], []
    for clip in clips:
        async with session(url) as socket:
            await configured(socket)
            seconds, heard = await turn(socket, clip.ulaw)
        times.append(seconds)
        found.append((clip, heard))
        print(f"  {clip.name}: {seconds:.2f} s, {heard!r}", file=sys.stderr)
    return times, found


async def turn(socket: ClientConnection, ulaw: bytes) -> tuple[float, str]:
    frames = [ulaw[at : at + FRAME] for at in range(0, len(ulaw), FRAME)]
    last_loud = max(at for at, frame in enumerate(frames) if mulaw.rms(mulaw.decode(frame)) > LOUD)
    began_s = time.perf_counter()
    speaking = asyncio.create_task(talk(socket, frames, began_s))
    transcript = "conversation.item.input_audio_transcription.completed"
    heard: list[str] = []
    while True:  # a pause within the clip may end a turn: what counts is the answer to the last of it
        found = await event(socket, transcript, "response.output_audio.delta")
        now_s = time.perf_counter() - began_s
        if found["type"] == transcript:
            heard.append(found["transcript"])
        elif now_s > (last_loud + 1) * 0.02:
            break
    audio = base64.b64decode(found["delta"])
    while (silent := silent_frames(audio)) is None:
        audio += base64.b64decode((await event(socket, "response.output_audio.delta"))["delta"])
    speaking.cancel()
    return now_s + silent * 0.02 - (last_loud + 1) * 0.02, " ".join(heard)


def silent_frames(ulaw: bytes) -> int | None:
    """Frames before the first that can be heard; None: there is none."""
    levels = (mulaw.rms(mulaw.decode(ulaw[at : at + FRAME])) for at in range(0, len(ulaw), FRAME))
    return next((number for number, level in enumerate(levels) if level > LOUD), None)


async def talk(socket: ClientConnection, frames: list[bytes], began_s: float) -> None:
    """Send the frames and then silence, each at its time."""
    at = 0
    while True:
        payload = frames[at] if at < len(frames) else b"\xff" * FRAME
        at += 1
        await asyncio.sleep(max(0.0, began_s + at * 0.02 - time.perf_counter()))
        audio = base64.b64encode(payload).decode()
        await socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))


def session(url: str) -> connect:
    headers = {"Authorization": "Bearer any"}
    return connect(f"{url}?model=offline-agent", additional_headers=headers, compression=None)


async def configured(socket: ClientConnection) -> None:
    line = {"format": {"type": "audio/pcmu"}}
    turns = {"type": "server_vad", "silence_duration_ms": SILENCE_MS}
    listening = {**line, "turn_detection": turns, "transcription": {"model": "offline-agent"}}
    asked = {"type": "realtime", "audio": {"input": listening, "output": line}}
    await socket.send(json.dumps({"type": "session.update", "session": asked}))
    await event(socket, "session.updated")


async def event(socket: ClientConnection, *kinds: str) -> Any:
    while True:
        found = json.loads(await socket.recv())
        if found["type"] in kinds:
            return found


def memory_mb(pid: int) -> tuple[int, int]:
    """Resident memory now, and the most there ever was."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    return int(fields["VmRSS"].split()[0]) // 1024, int(fields["VmHWM"].split()[0]) // 1024


if __name__ == "__main__":
    main()
