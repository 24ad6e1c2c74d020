"""Faults of the Realtime side, in virtual time. The caller's first turn is over, for the model, at 4100 ms."""

from __future__ import annotations

import msgspec

from bot.call.inputs import SessionExpires
from bot.call.settings import ToolRules
from bot.realtime.remote_server import RemoteServer
from bot.realtime.session import END_CALL
from bot.testing.agent import Failure, McpCall, Pacing, Reply, Spoken, ToolCall
from bot.testing.model import Behaviour, CloseAt, SendAt
from tests.faults.outcome import MS, tone
from tests.faults.virtual import FIRST, PACING, REPLIES, Plan

GREETS, ANSWERS, ANSWERS_AGAIN, THIRD = REPLIES
TURN = 4_100
"""Time when the first turn is over for the model, and an answer is due."""
BARGE = ((3_000, 600), (5_500, 600))
AGAIN = 6_600
"""The same of the second turn, where the caller has cut the first answer short."""
SLOW = Reply((FIRST,), pacing=Pacing(speed=1.4))
NOTHING = Reply(pacing=PACING)
FILTERED = "content_filter"
EXPIRED = '{"type":"error","event_id":"e1","error":{"type":"invalid_request_error","code":"session_expired","message":"Your session hit the maximum duration of 60 minutes.","param":null,"event_id":null}}'
TOOLS = (ToolRules("look_up"),)
LOOKS_UP = GREETS, Reply(tool_calls=(ToolCall("look_up", "{}", "call_1"),), pacing=PACING), ANSWERS, ANSWERS_AGAIN
LIBRARY = RemoteServer("books", "https://example.com/mcp", tools=("find", "reserve"), timeout_s=4)
BOOKS = (msgspec.structs.replace(LIBRARY, approval="never", approvals={"reserve": "key"}),)
LISTED = {"books": [{"name": "find", "input_schema": {"type": "object"}}]}
LISTS_NOTHING, LISTS = Behaviour(mcp_list_ms=0), Behaviour(mcp_list_ms=0, mcp_tools=LISTED)
LISTS_AND_CLOSES = Behaviour(mcp_list_ms=0, mcp_tools=LISTED, closes=CloseAt(4_700 * MS, 1006, ""))
ONCE = ((3_000, 600),)
FLOOD = Spoken(tone(600_000, 1), "on and on")


def failing(kind: str, after_ms: int = 0, code: str | None = None) -> Reply:
    return Reply((FIRST,), pacing=PACING, failure=Failure(kind, after_ms, code))  # type: ignore[arg-type]


def calling(ms: int, tool: str = "find") -> tuple[Reply, ...]:
    """The model calls a remote tool, which takes so long."""
    calls = (McpCall("books", tool, "{}", "found"),)
    return GREETS, Reply(mcp_calls=calls, pacing=Pacing(call_gap_ms=ms)), ANSWERS, ANSWERS_AGAIN


def closing(code: int, at_ms: int = 4_700, reason: str = "") -> tuple[Behaviour, ...]:
    return Behaviour(closes=CloseAt(at_ms * MS, code, reason)), Behaviour()


def hanging(at_ms: int) -> tuple[Behaviour, ...]:
    return Behaviour(hangs_us=at_ms * MS), Behaviour()


UNKNOWN = "it owes nothing, so that it has hung is seen by the next thing that is asked of it, after BOT_IDLE_SECONDS"

PLANS = {
    "slow session.created (5 s)": Plan(300, (Behaviour(created_after_ms=5_000), Behaviour()), n_sessions=2),
    "session.created never comes": Plan(300, (Behaviour(created_after_ms=None), Behaviour()), n_sessions=2),
    "wrong format echoed (audio/pcma)": Plan(None, (Behaviour(forced_format={"type": "audio/pcma"}),)),
    "error mid-turn": Plan(None, replies=(GREETS, failing("error", 1_000), ANSWERS_AGAIN)),
    "response fails before a sound": Plan(TURN, replies=(GREETS, failing("failed", 0, "server_error"), *REPLIES[1:])),
    "response over without a sound": Plan(TURN, replies=(GREETS, failing("incomplete"), *REPLIES[1:])),
    "response over without a sound, twice": Plan(TURN, replies=(GREETS, NOTHING, NOTHING, *REPLIES[1:])),
    "response fails mid-turn": Plan(
        4_650, replies=(GREETS, failing("failed", 1_000, "rate_limit_exceeded"), *REPLIES[2:])
    ),
    "response stalls mid-turn": Plan(5_200, replies=(GREETS, failing("stalls", 1_000), *REPLIES[2:]), hang_up=24_000),
    "session_expired, unannounced": Plan(
        4_700,
        (Behaviour(sends=(SendAt(4_700 * MS, EXPIRED),), closes=CloseAt(4_710 * MS, 1001, "")), Behaviour()),
        n_sessions=2,
    ),
    "session expires, announced": Plan(None, notes=((400, SessionExpires(16)),), n_sessions=2),
    **{f"close {code} mid-answer": Plan(4_700, closing(code), n_sessions=2) for code in (1001, 1006, 1011)},
    "close 1006, three dials refused": Plan(4_700, closing(1006), refused=3, n_sessions=2, hang_up=16_000),
    "close 1006, no session for good": Plan(
        4_700, closing(1006), refused=99, ended="model_unavailable", hang_up=30_000
    ),
    "close 1006 just after a filler, three dials refused": Plan(
        7_000,
        closing(1006, 7_000),
        replies=(GREETS, failing("stalls"), *REPLIES[1:]),
        speech=((3_000, 600),),
        refused=3,
        n_sessions=2,
    ),
    "hangs while the caller speaks, answers pings": Plan(3_600, hanging(3_300), n_sessions=2),
    "hangs before the caller speaks, answers pings": Plan(
        3_600, hanging(2_500), n_sessions=2, speech=((3_000, 600),), hang_up=50_000, idle_s=30, apart=UNKNOWN
    ),
    "hangs when the caller's turn is over, answers pings": Plan(TURN, hanging(4_100), n_sessions=2),
    "hangs mid-answer, answers pings": Plan(
        5_600, hanging(4_700), n_sessions=2, speech=((3_000, 600),), hang_up=24_000
    ),
    "delta flood (10 min in 10 s)": Plan(
        AGAIN, replies=(GREETS, Reply((FLOOD,), pacing=Pacing(speed=60)), *REPLIES[2:]), speech=BARGE
    ),
    "delta after cancel, the server's": Plan(
        AGAIN, (Behaviour(late_deltas=8),), replies=(GREETS, SLOW, ANSWERS_AGAIN), speech=BARGE
    ),
    "delta after cancel, ours": Plan(
        AGAIN,
        (Behaviour(late_deltas=8, cancel_after_ms=200),),
        replies=(GREETS, SLOW, ANSWERS_AGAIN),
        speech=BARGE,
        barge_in="after_greeting",
    ),
    "truncate rejected": Plan(
        AGAIN, (Behaviour(refuse_truncate="Audio content of 900ms is already shorter than 1180ms"),), speech=BARGE
    ),
    "tool call with bad JSON": Plan(
        TURN, replies=(GREETS, Reply((FIRST,), (ToolCall("look_up", "{bad"),), pacing=PACING), *REPLIES[2:])
    ),
    "a tool answers after 4 s": Plan(TURN, replies=LOOKS_UP, tools=TOOLS, answers_after_ms=4_000),
    "a tool never answers": Plan(TURN, replies=LOOKS_UP, tools=(ToolRules("look_up", timeout_s=4),), hang_up=16_000),
    "a tool answers while the caller speaks": Plan(
        TURN, replies=(*LOOKS_UP, THIRD), tools=TOOLS, answers_after_ms=1_500, speech=((3_000, 600), (5_400, 600))
    ),
    "a tool answers after the caller changed the subject": Plan(
        TURN, replies=(*LOOKS_UP, THIRD), tools=TOOLS, answers_after_ms=2_700, speech=((3_000, 600), (5_400, 600))
    ),
    "close 1006 while a tool runs": Plan(
        4_700, closing(1006), replies=LOOKS_UP, tools=TOOLS, answers_after_ms=1_700, n_sessions=2
    ),
    "the tools of a remote server are not to be had": Plan(None, (LISTS_NOTHING,), servers=BOOKS),
    "the tools of a remote server are never listed": Plan(300, (Behaviour(mcp_list_ms=60_000),), servers=BOOKS),
    "a remote tool answers after 4 s": Plan(TURN, (LISTS,), replies=calling(4_000), servers=BOOKS),
    "a remote tool never answers": Plan(TURN, (LISTS,), replies=calling(60_000), servers=BOOKS, hang_up=16_000),
    "close 1006 while a remote tool runs": Plan(
        4_700, (LISTS_AND_CLOSES, LISTS), replies=calling(3_000), servers=BOOKS, n_sessions=2
    ),
    "a remote tool is not approved by the caller": Plan(
        49_400, (LISTS,), replies=(*calling(100, "reserve"), THIRD), servers=BOOKS, speech=ONCE, hang_up=58_000
    ),
    "end_call with bad JSON": Plan(
        TURN,
        replies=(GREETS, Reply((FIRST,), (ToolCall(END_CALL, "{bad"),), pacing=PACING), *REPLIES[2:]),
        ended="bot_hung_up",
    ),
    "answer taken by the content filter": Plan(
        4_550, replies=(GREETS, failing("incomplete", 500, FILTERED), *REPLIES[2:])
    ),
    "silence for 30 s": Plan(
        TURN,
        replies=(GREETS, *(failing("silent"),) * 3, ANSWERS),
        speech=((3_000, 600), (34_000, 600)),
        hang_up=48_000,
        n_sessions=4,
    ),
}
