"""`bot call`: the simulated phone dials any running bot with any WAV file."""

from __future__ import annotations

from pathlib import Path

from bot.testing.caller import demo_script, file_script
from bot.testing.dial import DialResult, dial, new_call_sid, new_stream_sid
from bot.testing.phone import SimulatedPhone
from bot.testing.souvenirs import save_wav
from bot.testing.twilio_texts import StreamIds


async def ring(
    url: str, *, audio: bytes | None, auth_token: str, account_sid: str, limit_s: float, wav: Path | None
) -> DialResult:
    """Call the bot whose voice webhook is `url`: say mu-law `audio`, or talk as the demo's caller does.

    With `wav` the call is kept there: the caller left, what he heard right.
    """
    script = demo_script() if audio is None else file_script(audio)
    ids = StreamIds(account_sid=account_sid, call_sid=new_call_sid(), stream_sid=new_stream_sid())
    phone = SimulatedPhone(ids, script=script)
    result = await dial(url, phone, auth_token=auth_token, limit_s=limit_s)
    if wav is not None:
        save_wav(phone, wav)
    return result


def story(result: DialResult) -> list[str]:
    """What became of the call, a line each."""
    lines = []
    if result.answered_us is not None:
        lines.append(f"webhook answered after {result.answered_us / 1000:.0f} ms")
    if result.opened_us is not None:
        lines.append(f"stream open after {result.opened_us / 1000:.0f} ms")
    if result.first_audio_us is not None:
        lines.append(f"first sound of the bot after {result.first_audio_us / 1000:.0f} ms")
    for leg in result.legs:
        if leg.failure:
            lines.append(f"the stream failed: {leg.failure}")
        else:
            heard = leg.phone.playout.heard_total_bytes(leg.phone.ended_us or 0) / 8000
            lines.append(f"heard {heard:.1f} s of the bot, interrupted it {len(leg.phone.clears)} times")
    lines += [f"Twilio would say: {text}" for text in result.said]
    ended = f"the call ended: {result.ending}"
    lines.append(f"{ended} ({result.failure})" if result.failure else ended)
    return lines
