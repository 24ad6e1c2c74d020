"""Starts of calls: a session is dialled, or an idle one taken, and a task begins that ends with both sockets."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

from bot.call.settings import CallSettings
from bot.config import Settings
from bot.config.profiles import Profiles
from bot.config.values.caller_lists import withheld
from bot.realtime.addresses import Addresses
from bot.realtime.connection import Endpoint
from bot.recording import fixture
from bot.recording.files import audio_file
from bot.recording.files.audio_file import AudioFile
from bot.recording.files.call_file import CallFile
from bot.recording.files.fixture_file import FixtureFile
from bot.recording.files.new_file import call_path
from bot.recording.files.recorder import Recorder
from bot.server.calls.bridge import Bridge
from bot.server.calls.live_call import LiveCall
from bot.server.calls.process_timer import ProcessTimer
from bot.server.calls.rest_hang_up import HangUp
from bot.server.calls.sessions.dialled_ahead import DialledAhead
from bot.server.calls.sessions.model_sessions import HANDSHAKE_SHARE
from bot.server.calls.sessions.warm_pool import IdleSession, WarmPool
from bot.server.directory.call_directory import CallDirectory
from bot.server.directory.call_endings import CallEndings, PastCalls
from bot.server.directory.needless_sessions import NeedlessSessions
from bot.server.directory.spent_today import SpentToday
from bot.server.directory.transfer_desk import TransferDesk
from bot.server.setup.briefing_settings import briefing_settings
from bot.server.setup.call_settings import call_settings, with_tools
from bot.server.shared.call_registry import CallRegistry
from bot.server.shared.resumption import NOBODY, Parties, Past, carrying_on
from bot.server.shared.transfers import Transfer
from bot.tools import ToolContext, ToolStore
from bot.tools.toolboxes import Toolboxes
from bot.twilio.rest import TwilioRest

FINISH_S = 10.0
"""Seconds that a process which ends gives to tools whose calls are over: a tool's own time, unless it has another."""


class _Begun(NamedTuple):
    """Session and time of the webhook of a call that is about to begin."""

    ahead: DialledAhead | None
    origin_ns: int | None
    idle: IdleSession | None = None
    parties: Parties = NOBODY


@dataclass
class CallStarter:
    """Begins calls, and sees each through to its end."""

    settings: Settings
    profiles: Profiles
    directory: CallDirectory
    registry: CallRegistry
    past_calls: PastCalls
    endings: CallEndings
    needless_sessions: NeedlessSessions
    spent_today: SpentToday
    transfer_desk: TransferDesk
    dialled_in_vain: int = 0
    """Sessions that were dialled ahead for calls that were not to have them."""
    _closing: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.addresses = Addresses.of(self.settings.openai_realtime_url)
        self.toolboxes = Toolboxes()
        self._finishing: set[asyncio.Task[None]] = set()
        self.store: ToolStore | None = None
        """The database of calls, for tools that ask it."""
        self.pool = WarmPool(*self.pooled(), pool_share(self.settings))
        self.profiles.on_reread.append(lambda: self.pool.change(*self.pooled()))
        self.timer = ProcessTimer()
        self.hang_up: HangUp | None = None

    def pooled(self) -> tuple[Endpoint, CallSettings]:
        """Idle sessions are for calls as most are: with the default settings."""
        settings = self.profiles.default
        return self._endpoint(settings), self.chosen(settings, outgoing=False)

    def _endpoint(self, settings: Settings) -> Endpoint:
        return Endpoint(
            settings.openai_realtime_url,
            settings.openai_realtime_model,
            settings.openai_api_key.get_secret_value(),
            self.addresses,
            settings.dialect,
            tuple(pair for server in settings.mcp for pair in server.credentials),
        )

    def use_rest(self, rest: TwilioRest) -> None:
        """Text messages are sent by this; toolboxes that were made before are made anew."""
        self.toolboxes = Toolboxes()
        self.toolboxes.rest = rest

    def tools_known(self) -> None:
        """A toolbox was opened: from here on sessions are told of what is in it."""
        self.pool.change(*self.pooled())

    def start(
        self,
        call_sid: str,
        parties: Parties = NOBODY,
        past: Past | None = None,
        *,
        new: bool = False,
        settings: Settings | None = None,
        ahead: DialledAhead | None = None,
        origin_ns: int | None = None,
        idle: IdleSession | None = None,
    ) -> LiveCall:
        """Begin a call, or carry on one that has a `past`: a session is dialled at once, or an idle one taken.

        `new`: nothing is known of it here, and the store is asked beside. `settings` are those of this call; without
        them it has those of its past. `ahead` was dialled for it already, after its webhook, which came at `origin_ns`;
        `idle` is a session that was opened and configured for it.
        """
        now_s = time.time()
        past = past or Past(now_s)
        settings = settings or self.profiles.again(past.profile, past.changes)
        past = past._replace(profile=settings.profile, changes=settings.changes)
        begun = _Begun(ahead, origin_ns, idle, parties)
        try:
            bridge = self._bridge(call_sid, settings, past, now_s, begun)
            live = LiveCall(call_sid, bridge, past, settings, parties)
        except BaseException:
            self._let_go_of(begun)
            self.registry.end(call_sid, "internal_error")
            raise
        live.bridge.on_leave = partial(self.registry.leave, call_sid)
        live.offset_us = max(0, round((now_s - past.began_s) * 1_000_000)) if past.leg else 0
        self.directory.add(live)
        live.task = asyncio.create_task(self._run(live, new=new), name=f"call {call_sid}")
        self.directory.tell(self.directory.on_start, live)
        self.spent_today.tell(live)
        return live

    def resume(self, call_sid: str, past: Past) -> LiveCall:
        """The call goes on: a session that knows what was said waits for another stream."""
        past = past._replace(leg=past.leg + 1, steady=True)
        self.endings.carried_on(call_sid)
        return self.start(call_sid, past.parties, past)

    def dial_ahead(self, settings: Settings) -> DialledAhead:
        """Dial a session for a call that is likely to have these settings."""
        return DialledAhead(self._endpoint(settings), settings.response_s * HANDSHAKE_SHARE)

    async def warm(self, settings: Settings) -> IdleSession:
        """A session for a call that is about to be made, open and configured. Raises ConnectError."""
        endpoint, chosen = self._endpoint(settings), self.chosen(settings, outgoing=True)
        session = self.pool.take(endpoint, chosen)
        if session is None:
            session = IdleSession(endpoint, chosen, lambda *_: None)
            await session.open(settings.response_s)
        return session

    def let_go(self, ahead: DialledAhead) -> None:
        """A session that was dialled ahead is not needed."""
        self.dialled_in_vain += 1
        task = asyncio.create_task(ahead.close(), name="let go of a session")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Wait until what was let go of is closed."""
        await asyncio.gather(*self._closing)

    def chosen(self, settings: Settings, call_sid: str = "", account_sid: str = "", *, outgoing: bool) -> CallSettings:
        """The settings of a call, with the tools that go with them."""
        of_call = call_settings(settings, call_sid, account_sid, outgoing=outgoing)
        return with_tools(of_call, self.toolboxes.of(settings))

    def brief(self, child: str, call_sid: str, transfer: Transfer, settings: Settings) -> LiveCall:
        """Talk to the person of a transfer, on their own call `child`, about the caller of `call_sid`.

        Where that was a call of another process, it has the `settings` of the profile that is named in its webhooks.
        """
        past = Past(
            time.time(), profile=settings.profile, told=transfer.destination, about=(call_sid, transfer.summary)
        )
        of_caller = self.past_calls.find(call_sid)
        if of_caller is not None:
            past = past._replace(profile=of_caller.profile, changes=of_caller.changes)
        return self.start(child, past=past)

    def _bridge(self, call_sid: str, settings: Settings, past: Past, now_s: float, begun: _Begun) -> Bridge:
        toolbox = self.toolboxes.of(settings)
        chosen = self.chosen(settings, call_sid, settings.twilio_account_sid, outgoing=past.outgoing)
        person = begun.parties.called if past.outgoing else begun.parties.caller
        context = ToolContext(call_sid, "" if withheld(person) else person, settings.language, self.store)
        refusal = partial(self.transfer_desk.refusal, settings, call_sid)
        if past.leg:
            chosen = carrying_on(chosen, past, now_s)
        if past.about is not None:
            waiting, summary = past.about
            chosen = briefing_settings(chosen, past.told, summary)
            refusal = partial(self.transfer_desk.caller_gone, waiting)
        files = _files(settings, chosen)
        recorder = Recorder(files, call_sid=call_sid) if files else None
        endpoint = self._endpoint(settings)
        own = [] if begun.idle is None else [begun.idle]

        def take_idle() -> IdleSession | None:
            if own or past.about is not None:
                return own.pop() if own else None
            return self.pool.take(endpoint, chosen)

        ahead = begun.ahead if begun.ahead is not None and begun.ahead.endpoint == endpoint else None
        try:
            bridge = Bridge(
                chosen,
                endpoint,
                self.timer,
                recorder=recorder,
                hang_up=self.hang_up,
                take_idle=take_idle,
                ahead=ahead,
                origin_ns=begun.origin_ns,
                toolbox=toolbox,
                context=context,
                refusal=refusal,
            )
        except BaseException:
            if recorder is not None:
                recorder.close()
            raise
        if bridge.model.warm or ahead is None:
            bridge.model.ahead = None
            self._let_go_of(begun)
        return bridge

    def _let_go_of(self, begun: _Begun) -> None:
        if begun.ahead is not None:
            self.let_go(begun.ahead)

    async def _run(self, live: LiveCall, *, new: bool) -> None:
        try:
            with self.needless_sessions.watching(live, new=new):
                reason = await live.bridge.run()
        finally:
            current = self.directory.remove(live)
            self.registry.digits.drop(live.call_sid)
        entered = not current or self.endings.enter(live)
        hooks = (self.spent_today.add_up, self.past_calls.remember, *self.directory.on_end)
        self.directory.tell(hooks, live, reason)
        tools = asyncio.create_task(live.bridge.tools.finish(), name=f"tools of {live.call_sid}")
        self._finishing.add(tools)
        tools.add_done_callback(self._finishing.discard)
        if not entered:
            await self.endings.enter_later(live)
        await tools

    async def finish_tools(self) -> None:
        """Wait for tools that are to be finished though their calls are over, and for no longer than FINISH_S."""
        if self._finishing:
            await asyncio.wait(self._finishing, timeout=FINISH_S)
            for task in self._finishing:
                task.cancel()


def pool_share(settings: Settings) -> int:
    """One process's part of the instance's idle sessions."""
    return -(-settings.warm_sessions // settings.web_concurrency)


def _files(settings: Settings, chosen: CallSettings) -> list[CallFile]:
    """Files of a call that begins now (BOT_RECORD, BOT_RECORD_DIR); none is made yet. Their names differ by suffix."""
    files: list[CallFile] = []
    now = datetime.now(UTC)
    if "fixture" in settings.record:
        path = call_path(settings.record_dir, chosen.call_sid, fixture.SUFFIX, now)
        files.append(FixtureFile(chosen, path, settings.secrets, date=now))
    if "audio" in settings.record:
        files.append(AudioFile(call_path(settings.record_dir, chosen.call_sid, audio_file.SUFFIX, now)))
    return files
