"""The JSON of the REST API's resources, with the fields that the `twilio` package reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.testing.twilio.calls.conference import Conference, Participant
from bot.testing.twilio.calls.simulated_call import SimulatedCall

Json = Mapping[str, object]
VERSION = "2010-04-01"


def call_json(account_sid: str, call: SimulatedCall, duration_s: int) -> Json:
    return {
        "sid": call.sid,
        "account_sid": account_sid,
        "parent_call_sid": call.parent.sid if call.parent else None,
        "to": call.to,
        "from": call.from_,
        "status": call.status,
        "direction": call.direction,
        "answered_by": call.answered_by or None,
        "duration": str(duration_s) if call.over else None,
        "price": None,
        "price_unit": "USD",
        "api_version": VERSION,
        "uri": f"/{VERSION}/Accounts/{account_sid}/Calls/{call.sid}.json",
    }


def conference_json(account_sid: str, room: Conference) -> Json:
    return {
        "sid": room.sid,
        "account_sid": account_sid,
        "friendly_name": room.name,
        "status": room.status,
        "reason_conference_ended": room.reason_ended or None,
        "call_sid_ending_conference": room.call_ending or None,
        "api_version": VERSION,
        "uri": f"/{VERSION}/Accounts/{account_sid}/Conferences/{room.sid}.json",
    }


def conferences_json(account_sid: str, rooms: Sequence[Conference]) -> Json:
    here = f"/{VERSION}/Accounts/{account_sid}/Conferences.json"
    return {
        "conferences": [conference_json(account_sid, room) for room in rooms],
        "page": 0,
        "page_size": 50,
        "start": 0,
        "end": max(0, len(rooms) - 1),
        "uri": here,
        "first_page_uri": here,
        "next_page_uri": None,
        "previous_page_uri": None,
    }


def participant_json(account_sid: str, room: Conference, call: SimulatedCall, one: Participant | None) -> Json:
    """A leg of a conference; `one` is None while it rings."""
    states = {"queued": "queued", "ringing": "ringing", "in-progress": "connected"}
    return {
        "account_sid": account_sid,
        "call_sid": call.sid,
        "conference_sid": room.sid,
        "label": one.label if one else None,
        "muted": bool(one and one.muted),
        "hold": bool(one and one.hold),
        "coaching": bool(one and one.coached),
        "call_sid_to_coach": one.coached if one and one.coached else None,
        "start_conference_on_enter": not one or one.start_on_enter,
        "end_conference_on_exit": bool(one and one.end_on_exit),
        "status": states.get(call.status, "complete"),
        "api_version": VERSION,
        "uri": f"/{VERSION}/Accounts/{account_sid}/Conferences/{room.sid}/Participants/{call.sid}.json",
    }
