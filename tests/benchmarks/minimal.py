"""The least a bridge of this shape can do: rewrap audio between two WebSockets, and nothing else. `minimal.py PORT URL`."""

from __future__ import annotations

import asyncio
import json
import sys

import uvloop
from aiohttp import WSMsgType, web
from websockets.asyncio.client import ClientConnection, connect

_compact = json.JSONEncoder(separators=(",", ":")).encode


async def downward(model: ClientConnection, phone: web.WebSocketResponse, sid: str) -> None:
    async for text in model:
        event = json.loads(text)
        if event["type"] == "response.output_audio.delta":
            await phone.send_str(_compact({"event": "media", "streamSid": sid, "media": {"payload": event["delta"]}}))


async def bridge(request: web.Request) -> web.WebSocketResponse:
    phone = web.WebSocketResponse(compress=False)
    await phone.prepare(request)
    async with connect(request.app[URL], compression=None, ping_interval=None, proxy=None) as model:
        down: asyncio.Task[None] | None = None
        async for message in phone:
            if message.type is not WSMsgType.TEXT:
                break
            event = json.loads(message.data)
            if event["event"] == "start":
                down = asyncio.create_task(downward(model, phone, event["streamSid"]))
            elif event["event"] == "media":
                audio = event["media"]["payload"]
                await model.send(_compact({"type": "input_audio_buffer.append", "audio": audio}))
        if down is not None:
            down.cancel()
    return phone


URL = web.AppKey("url", str)


async def main(port: int, url: str) -> None:
    app = web.Application()
    app[URL] = url
    app.add_routes([web.get("/minimal", bridge)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2]))
