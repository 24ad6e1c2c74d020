"""Starts of calls: a session is dialled, or an idle one taken, and a task begins that ends with both sockets."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from bot.call.settings import CallSettings
from bot.config import Settings
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
from bot.server.calls.warm_pool import WarmPool
from bot.server.directory.call_directory import CallDirectory
from bot.server.directory.call_endings import CallEndings, PastCalls
from bot.server.directory.needless_sessions import NeedlessSessions
from bot.server.directory.spent_today import SpentToday
from bot.server.directory.transfer_desk import TransferDesk
from bot.server.setup.call_settings import call_settings, with_tools
from bot.server.shared.call_registry import CallRegistry
from bot.server.shared.resumption import NOBODY, Parties, Past, carrying_on
from bot.tools import ToolContext, ToolStore
from bot.tools.toolboxes import Toolboxes

FINISH_S = 10.0
"""Seconds that a process which ends gives to tools whose calls are over: a tool's own time, unless it has another."""


@dataclass
class CallStarter:
    """Begins calls, and sees each through to its end."""

    settings: Settings
    directory: CallDirectory
    registry: CallRegistry
    past_calls: PastCalls
    endings: CallEndings
    needless_sessions: NeedlessSessions
    spent_today: SpentToday
    desk: TransferDesk

    def __post_init__(self) -> None:
        settings = self.settings
        self.addresses = Addresses.of(settings.openai_realtime_url)
        self._endpoint = Endpoint(
            settings.openai_realtime_url,
            settings.openai_realtime_model,
            settings.openai_api_key.get_secret_value(),
            self.addresses,
            settings.dialect,
        )
        self.toolboxes = Toolboxes()
        self._finishing: set[asyncio.Task[None]] = set()
        self.store: ToolStore | None = None
        """The database of calls, for tools that ask it."""
        self.template = self._template()
        """The settings of a call, but for what names it."""
        self.pool = WarmPool(self._endpoint, self.template, pool_share(settings))
        self.timer = ProcessTimer()
        self.hang_up: HangUp | None = None

    def _template(self) -> CallSettings:
        return with_tools(call_settings(self.settings, "", ""), self.toolboxes.of(self.settings))

    def tools_known(self) -> None:
        """The toolbox was opened: from here on sessions are told of what is in it."""
        self.template = self._template()
        self.pool.change(self.template)

    def start(
        self, call_sid: str, parties: Parties = NOBODY, past: Past | None = None, *, new: bool = False
    ) -> LiveCall:
        """Begin a call, or carry on one that has a `past`: a session is dialled at once, or an idle one taken.

        `new`: nothing is known of it here, and the store is asked beside.
        """
        now_s = time.time()
        past = past or Past(now_s)
        try:
            live = LiveCall(call_sid, self._bridge(call_sid, past, now_s, parties), past, parties)
        except BaseException:
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

    def _bridge(self, call_sid: str, past: Past, now_s: float, parties: Parties) -> Bridge:
        settings = self.settings
        toolbox = self.toolboxes.of(settings)
        chosen = with_tools(call_settings(settings, call_sid, settings.twilio_account_sid), toolbox)
        context = ToolContext(call_sid, parties.caller, settings.language, self.store)
        if past.leg:
            chosen = carrying_on(chosen, past, now_s)
        files = _files(settings, chosen)
        recorder = Recorder(files, call_sid=call_sid) if files else None
        try:
            return Bridge(
                chosen,
                self._endpoint,
                self.timer,
                recorder=recorder,
                toolbox=toolbox,
                context=context,
                take_idle=self.pool.take,
                hang_up=self.hang_up,
                refusal=partial(self.desk.refusal, settings, call_sid),
            )
        except BaseException:
            if recorder is not None:
                recorder.close()
            raise

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
