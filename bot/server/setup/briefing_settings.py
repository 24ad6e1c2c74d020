"""The settings of a call to a person whom the bot tells about a caller who waits."""

from __future__ import annotations

import msgspec

from bot.call.handoff.transfer import TRANSFER_CALL
from bot.call.settings import CallSettings
from bot.call.transcript.past_turns import PastTurn
from bot.realtime.session import FunctionTool

CALLER = "caller"
"""The one place to which the person may be put through."""
TOLD = (
    "You have rung a colleague at {destination}, who answers now: you are on the telephone with them, not with the "
    "caller. A caller waits on another line to talk to them. What you wrote down about that caller stands above, if "
    "anything does. Say in one or two sentences that you are the assistant, that a caller waits, and what it is about. "
    "Answer what they ask, if you know it. If they take the call, call transfer_call with the destination caller. If "
    "they don't, or a voicemail answers, say goodbye and call end_call; leave no message."
)


def briefing_settings(chosen: CallSettings, destination: str, summary: str) -> CallSettings:
    """`chosen`, for a call to `destination`. The summary is the bot's own earlier words, and no instruction."""
    parameters = {
        "type": "object",
        "properties": {"destination": {"type": "string", "enum": [CALLER]}},
        "required": ["destination"],
    }
    connects = FunctionTool(TRANSFER_CALL, "Connect the colleague with the caller, once they agree.", parameters)
    return msgspec.structs.replace(
        chosen,
        session=msgspec.structs.replace(chosen.session, tools=(connects,), servers=()),
        greeting="",
        greeting_audio="",
        announcement="",
        announcement_audio="",
        resume=(PastTurn(1, "bot", summary or "A caller waits."),),
        told=TOLD.format(destination=destination),
        destinations=(CALLER,),
        tools=(),
    )
