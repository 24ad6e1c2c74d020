"""Sounds that the caller hears in each call of virtual time, with begin and end in ms from the webhook."""

from __future__ import annotations

UNHARMED = "greeting 303-1303, answer 1 4400-7400, answer 2 10400-12400"
"""Sounds of a call without any fault."""

HEARD = {
    "slow session.created (5 s)": "filler 2300-3100, greeting 4453-5453, answer 1 5453-8453, answer 2 10400-12400",
    "session.created never comes": "filler 2300-3100, greeting 4453-5453, answer 1 5453-8453, answer 2 10400-12400",
    "wrong format echoed (audio/pcma)": UNHARMED,
    "error mid-turn": UNHARMED,
    "response fails before a sound": "greeting 303-1303, answer 1 4700-7700, answer 2 10400-12400",
    "response over without a sound": "greeting 303-1303, answer 1 4700-7700, answer 2 10400-12400",
    "response over without a sound, twice": "greeting 303-1303, apology 4700-5900, answer 1 10400-13400",
    "response fails mid-turn": "greeting 303-1303, answer 1 4400-5400, answer 2 5400-7400, answer 3 10400-11900",
    "response stalls mid-turn": "greeting 303-1303, answer 1 4400-5400, filler 7400-8200, answer 2 10400-12400",
    "session_expired, unannounced": "greeting 303-1303, answer 1 4400-5700, answer 2 5700-7700, answer 3 10400-11900",
    "session expires, announced": UNHARMED,
    "close 1001 mid-answer": "greeting 303-1303, answer 1 4400-5700, answer 2 5700-7700, answer 3 10400-11900",
    "close 1006 mid-answer": "greeting 303-1303, answer 1 4400-5700, answer 2 5700-7700, answer 3 10400-11900",
    "close 1011 mid-answer": "greeting 303-1303, answer 1 4400-5700, answer 2 5700-7700, answer 3 10400-11900",
    "close 1006, three dials refused": "greeting 303-1303, answer 1 4400-5700, filler 6700-7500, answer 2 8653-9060, answer 3 10400-11900",
    "close 1006, no session for good": "greeting 303-1303, answer 1 4400-5700, filler 6700-7500, filler 13500-14300, sentence by TwiML 14700",
    "close 1006 just after a filler, three dials refused": "greeting 303-1303, filler 6100-6900, filler 8000-8800, answer 1 10953-13953",
    "delta flood (10 min in 10 s)": "greeting 303-1303, answer 1 4400-5560, answer 2 6900-8900",
    "delta after cancel, the server's": "greeting 303-1303, answer 1 4400-5560, answer 2 6900-8900",
    "delta after cancel, ours": "greeting 303-1303, answer 1 4400-5560, answer 2 6900-8900",
    "truncate rejected": "greeting 303-1303, answer 1 4400-5560, answer 2 6900-8900",
    "tool call with bad JSON": "greeting 303-1303, answer 1 4400-7400, answer 2 7400-9060, answer 3 10400-11900",
    "end_call with bad JSON": "greeting 303-1303, answer 1 4400-7400",
    "answer taken by the content filter": "greeting 303-1303, answer 1 4400-4900, answer 2 4900-6900, answer 3 10400-11900",
    "hangs while the caller speaks, answers pings": "greeting 303-1303, filler 5110-5263, answer 1 5563-8563, answer 2 10400-12400",
    "hangs before the caller speaks, answers pings": "greeting 303-1303, filler 33303-34103, answer 1 34756-37756",
    "hangs when the caller's turn is over, answers pings": "greeting 303-1303, filler 5110-5263, answer 1 5563-8563, answer 2 10400-12400",
    "hangs mid-answer, answers pings": "greeting 303-1303, answer 1 4400-5700, filler 7700-8500, filler 10675-11475, answer 2 11475-13475",
    "silence for 30 s": "greeting 303-1303, filler 6100-6900, filler 7900-8700, apology 10253-11453, filler 37100-37900, answer 1 38553-41553",
    "duplicate media": "greeting 303-1303, answer 1 4360-7360, answer 2 10360-12360",
    "media out of order": "greeting 303-1303, answer 1 4440-7440, answer 2 10440-12440",
    "invalid base64": UNHARMED,
    "empty and odd payloads": UNHARMED,
    "a jumbo frame of 60 kB": "greeting 303-1303, answer 1 4400-7400, answer 2 10420-12420",
    "marks again and again": UNHARMED,
    "mark after clear": "greeting 303-1303, answer 1 4400-5560, answer 2 6900-8900",
    "slow reader: the line stands still for 1.5 s": "greeting 303-1303, answer 1 4400-4700, answer 1 5950-8650, answer 2 10400-12400",
}
