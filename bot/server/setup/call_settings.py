"""From the operator's settings to what one call needs to know."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

from bot.audio.transcode import Format
from bot.call.handoff.transfer import TRANSFER_CALL
from bot.call.settings import CallSettings, KeypadRules, Outgoing, Shortcut
from bot.call.tool_calls.cancel_tool import cancel_tool
from bot.config import Settings
from bot.config.profiles.placeholders import unfilled
from bot.config.remote_tools.mcp_server import McpServer
from bot.config.values.key_shortcuts import KeyShortcut
from bot.realtime.remote_server import RemoteServer
from bot.realtime.session import END_CALL, SEND_DIGITS_TOOL, SessionSettings, TurnDetection
from bot.server.setup.call_prices import call_money
from bot.server.setup.played_recordings import recording, shipped
from bot.server.setup.transfer_tool import transfer_tools

if TYPE_CHECKING:
    from bot.tools import Toolbox

_FORMATS: dict[str, Format] = {"pcmu": "audio/pcmu", "pcma": "audio/pcma", "pcm": "audio/pcm"}


def call_settings(settings: Settings, call_sid: str, account_sid: str, *, outgoing: bool = False) -> CallSettings:
    """The settings of the call `call_sid`. No caller's name or number is among them but what a lookup gave.

    `outgoing`: the bot makes it.
    """
    settings = unfilled(settings)
    greeting = settings.dial_greeting if outgoing else settings.greeting
    return CallSettings(
        session=session_settings(settings),
        greeting=greeting,
        greeting_audio="" if outgoing else recording("BOT_GREETING_AUDIO", settings),
        announcement=settings.announcement if settings.announcement_audio else "",
        announcement_audio=recording("BOT_ANNOUNCEMENT_AUDIO", settings),
        barge_in=settings.barge_in,
        max_call_s=settings.max_call_s,
        idle_s=settings.idle_s,
        no_progress_s=settings.no_progress_s,
        response_s=settings.response_s,
        filler_s=settings.filler_s,
        filler_audio=recording("BOT_FILLER_FILE", settings) or shipped(settings.language, "moment"),
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
