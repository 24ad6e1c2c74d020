"""From the operator's settings to what one call needs to know."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import msgspec

from bot.audio import fillers, mulaw, wav
from bot.audio.transcode import Format
from bot.call.conversation.cancel_tool import cancel_tool
from bot.call.conversation.transfer import TRANSFER_CALL
from bot.call.settings import CallSettings, KeypadRules, Outgoing, Shortcut
from bot.config import Settings
from bot.config.profiles.placeholders import unfilled
from bot.config.remote_tools.mcp_server import McpServer
from bot.config.values.key_shortcuts import KeyShortcut
from bot.realtime.remote_server import RemoteServer
from bot.realtime.session import END_CALL, SEND_DIGITS_TOOL, SessionSettings, TurnDetection
from bot.server.setup.call_prices import call_money
from bot.server.setup.transfer_tool import transfer_tools
from bot.tools import Toolbox

_FORMATS: dict[str, Format] = {"pcmu": "audio/pcmu", "pcma": "audio/pcma", "pcm": "audio/pcm"}

FILLER_S = 5
"""The longest filler: what is said meanwhile waits behind it."""
SPOKEN_S = 300
"""The longest greeting or announcement: five minutes in which no caller gets an answer are a slip."""
SHORTEST_S = 0.1
FAINTEST = 64
"""The loudest sample, up to 32768, of what would pass for silence: -54 dB."""


def call_settings(settings: Settings, call_sid: str, account_sid: str, *, outgoing: bool = False) -> CallSettings:
    """The settings of the call `call_sid`. No caller's name or number is among them but what a lookup gave.

    `outgoing`: the bot makes it.
    """
    settings = unfilled(settings)
    greeting = settings.dial_greeting if outgoing else settings.greeting
    return CallSettings(
        session=session_settings(settings),
        greeting=greeting,
        greeting_audio="" if outgoing else _read("BOT_GREETING_AUDIO", settings),
        announcement=settings.announcement if settings.announcement_audio else "",
        announcement_audio=_read("BOT_ANNOUNCEMENT_AUDIO", settings),
        barge_in=settings.barge_in,
        max_call_s=settings.max_call_s,
        idle_s=settings.idle_s,
        no_progress_s=settings.no_progress_s,
        response_s=settings.response_s,
        filler_s=settings.filler_s,
        filler_audio=_read("BOT_FILLER_FILE", settings) or shipped(settings.language, "moment"),
        apology_audio=shipped(settings.language, "apology"),
        call_sid=call_sid,
        account_sid=account_sid,
        keypad=keypad_rules(settings),
        money=call_money(settings, outgoing=outgoing),
        outgoing=_outgoing(settings) if outgoing else None,
        destinations=tuple(one.name for one in settings.destinations),
    )


def _outgoing(settings: Settings) -> Outgoing:
    return Outgoing(settings.dial_name, settings.dial_message, settings.dial_detection, float(settings.dial_ring_s))


def keypad_rules(settings: Settings) -> KeypadRules:
    return KeypadRules(
        pause_s=settings.key_pause_s,
        longest_s=settings.key_longest_s,
        most_keys=settings.most_keys,
        finish=settings.finish_key,
        shortcuts=tuple(map(_shortcut, settings.key_shortcuts)),
    )


def _shortcut(chosen: KeyShortcut) -> Shortcut:
    """The call that a key stands for. Who is rung learns no more than that the caller pressed it."""
    if chosen.does != "transfer":
        return Shortcut(chosen.key, END_CALL)
    wish = {"destination": chosen.destination, "summary": f"The caller pressed {chosen.key} to talk to a person."}
    return Shortcut(chosen.key, TRANSFER_CALL, json.dumps(wish))


def with_tools(chosen: CallSettings, toolbox: Toolbox) -> CallSettings:
    """The settings of a call whose model may use these tools, and call off one that runs."""
    functions, servers = toolbox.functions(), chosen.session.servers
    if not (functions or servers):
        return chosen
    names = [*(one.name for one in functions), *(tool for server in servers for tool in server.tools)]
    calls_off = cancel_tool(names, others=any(not server.tools for server in servers))
    told = (*chosen.session.tools, *functions, calls_off)
    session = msgspec.structs.replace(chosen.session, tools=told)
    return msgspec.structs.replace(chosen, session=session, tools=toolbox.rules())


def _remote_server(chosen: McpServer) -> RemoteServer:
    """A server as a session is told of it: without its credentials."""
    return RemoteServer(
        chosen.name,
        chosen.url,
        chosen.about,
        chosen.authorization,
        dict(chosen.headers),
        chosen.tools,
        chosen.approval,
        dict(chosen.approvals),
        chosen.timeout_s,
        chosen.meanwhile,
    )


def _recordings(settings: Settings) -> dict[str, tuple[Path | None, Callable[[Path], str]]]:
    """The operator's recordings that are played, by setting: each file, and how it is read."""
    return {
        "BOT_GREETING_AUDIO": (settings.greeting_audio if settings.greeting else None, spoken),
        "BOT_ANNOUNCEMENT_AUDIO": (settings.announcement_audio, spoken),
        "BOT_FILLER_FILE": (settings.filler_file, filler),
    }


def _read(name: str, settings: Settings) -> str:
    path, read = _recordings(settings)[name]
    return read(path) if path else ""


def unplayable(settings: Settings) -> list[str]:
    """A sentence for each of the operator's recordings that can't be played."""
    found = []
    for name, (path, read) in _recordings(settings).items():
        try:
            if path:
                read(path)
        except wav.BadWav as error:
            found.append(f"{name}: {error}.")
        except OSError as error:
            found.append(f"{name}: {path} can't be read ({error.strerror}); let this user read it, or mend the path.")
    return found


@cache
def spoken(path: Path) -> str:
    """Words of the operator's as a payload, read once. Raises BadWav, also when nobody could hear any, and OSError."""
    audio = wav.read(path, SPOKEN_S)
    if len(audio) < SHORTEST_S * mulaw.RATE:
        raise wav.BadWav(f"{path} is over at once; export or copy it again")
    if mulaw.peak(mulaw.decode(audio)) < FAINTEST:
        raise wav.BadWav(f"{path} is silent from its beginning to its end; record it again")
    return base64.b64encode(audio).decode()


@cache
def filler(path: Path) -> str:
    """A filler of the operator's as a payload. Raises BadWav, also for one that an answer must not wait for."""
    return base64.b64encode(wav.read(path, FILLER_S)).decode()


@cache
def shipped(language: str, name: fillers.Name) -> str:
    """A recording of ours as a payload."""
    return base64.b64encode(fillers.filler(language, name).audio).decode()


def session_settings(settings: Settings) -> SessionSettings:
    return SessionSettings(
        model=settings.openai_realtime_model,
        instructions=settings.instructions,
        voice=settings.chosen_voice,
        speed=settings.speed,
        reasoning_effort=settings.reasoning_effort,
        max_output_tokens=settings.max_output_tokens,
        transcription_model=settings.transcriber,
        language=settings.language,
        noise_reduction=settings.noise_reduction,
        turn_detection=TurnDetection(
            type=settings.turn_detection,
            threshold=settings.vad_threshold,
            prefix_padding_ms=settings.vad_prefix_ms,
            silence_duration_ms=settings.vad_silence_ms,
            eagerness=settings.vad_eagerness,
        ),
        audio=_FORMATS[settings.model_audio],
        dialect=settings.dialect,
        servers=tuple(map(_remote_server, settings.mcp)),
        tools=(*transfer_tools(settings), *((SEND_DIGITS_TOOL,) if settings.send_digits == "on" else ())),
    )
