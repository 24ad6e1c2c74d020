"""The toolboxes of a server: one for each choice of BOT_TOOLS and BOT_TOOLS_URL among the settings of its calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from bot.config import Settings
from bot.tools.contract import BadTool, Source
from bot.tools.send_sms import NAME as SEND_SMS
from bot.tools.send_sms import SendSms
from bot.tools.toolbox import Toolbox, check_name
from bot.twilio.rest import TwilioRest

AGAIN_S = 30.0
"""Seconds until a server of tools that could not be asked is asked again. Calls meanwhile go on without its tools."""

_log = structlog.get_logger()


def sources_of(settings: Settings, rest: TwilioRest | None = None) -> tuple[Source, ...]:
    """The sources of tools that these settings name. Further ones are added here. `rest` sends text messages."""
    found: list[Source] = []
    if settings.tools:
        from bot.tools.python.module import ModuleTools  # noqa: PLC0415  most have none, and would start later

        found.append(ModuleTools(settings.tools))
    if settings.tools_url:
        if not settings.webhook_secret.get_secret_value():
            raise BadTool("BOT_TOOLS_URL: what is sent there is signed with BOT_WEBHOOK_SECRET, which is not set.")
        from bot.tools.http_tools import HttpTools  # noqa: PLC0415  jsonschema is a tenth of a start's time

        found.append(HttpTools(settings.tools_url, settings.webhook_secret.get_secret_value()))
    if settings.sms_from and rest is not None:
        found.append(SendSms(rest, settings.sms_from, settings.sms_allow, settings.sms_max_chars))
    return tuple(found)


def check(settings: Settings) -> None:
    """Import the module of BOT_TOOLS and look at its tools; no server is asked. Raises BadTool."""
    if not settings.tools:
        return
    from bot.tools.python.module import ModuleTools, of_module  # noqa: PLC0415  as above

    module = ModuleTools(settings.tools)
    module.load()
    for spec in module.specs():
        try:
            check_name(spec.function.name, [SEND_SMS] if settings.sms_from else [])
        except BadTool as error:
            raise of_module(error) from None


class Toolboxes:
    """Makes each toolbox once. One that was not opened has no tools."""

    def __init__(self) -> None:
        self.rest: TwilioRest | None = None
        """The account's REST API; set before any toolbox is made."""
        self._boxes: dict[tuple[object, ...], Toolbox] = {}

    def of(self, settings: Settings) -> Toolbox:
        """The toolbox for calls with these settings."""
        sms = (settings.sms_from, settings.sms_allow, settings.sms_max_chars)
        chosen = (settings.tools, settings.tools_url, *sms)
        if chosen not in self._boxes:
            self._boxes[chosen] = Toolbox(sources_of(settings, self.rest))
        return self._boxes[chosen]

    async def open(self, settings: Settings) -> bool:
        """Learn the tools of these settings. False if a source of them could not be used."""
        try:
            await self.of(settings).open()
        except BadTool as error:
            _log.error("tools_away", why=str(error))
            return False
        return True

    async def keep_asking(self, settings: Settings, then: Callable[[], None]) -> None:
        """Ask again until the server of tools answers; `then` is called once it has."""
        while True:
            await asyncio.sleep(AGAIN_S)
            if await self.open(settings):
                _log.info("tools_back")
                then()
                return

    async def close(self) -> None:
        for box in self._boxes.values():
            await box.close()
