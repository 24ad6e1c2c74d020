"""What the handlers find in the application."""

from __future__ import annotations

from aiohttp import web

from bot.config import Settings
from bot.server.live import LiveCalls
from bot.twilio.twiml import TwimlFiles

SETTINGS: web.AppKey[Settings] = web.AppKey("settings", Settings)
CALLS: web.AppKey[LiveCalls] = web.AppKey("calls", LiveCalls)
TWIML: web.AppKey[TwimlFiles] = web.AppKey("twiml", TwimlFiles)
