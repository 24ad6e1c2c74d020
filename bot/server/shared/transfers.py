"""Transfers of calls, as far as they have come: known to every process of an instance, and by the store to others.

Each moves forward once: begun as the bot's stream ends, picked up, taken by a key, over. A webhook that comes again
finds what it said before.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from bot.observe.masking import mask_text
from bot.observe.spoken_numbers import mask_spoken
from bot.server.shared.store_lookup import StoreLookup

MOST = 3
"""Times a call may be transferred: a caller who came back so often is helped by the bot, or by nobody."""
CONNECTED, GONE = "connected", "caller_gone"
"""Results after which the call is over: the caller talked to the person, or hung up before."""
KEPT_S = 86_400.0
RINGING_S = 180.0
"""Seconds after which nobody waits for a transfer of which nothing came: Twilio must have forgotten to tell."""
SETTLE_S = 1.5
"""Seconds that another instance gets to store the key that was pressed there."""
LOOK_S = 0.1
BEGAN, SUMMARY, PLACED, PICKED_UP, TAKEN, OVER = (
    *("transfer_began", "transfer_summary", "transfer_placed"),
    *("transfer_picked_up", "transfer_taken", "transfer_over"),
)
"""Names of the events by which another instance knows of a transfer; the summary is erased with a call's words."""

_TABLE = """
    CREATE TABLE IF NOT EXISTS transfers (sid TEXT PRIMARY KEY, leg INTEGER NOT NULL, number INTEGER NOT NULL,
        destination TEXT NOT NULL, summary TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 1, picked_up REAL, taken REAL,
        result TEXT NOT NULL DEFAULT '', child TEXT NOT NULL DEFAULT '', began REAL NOT NULL) WITHOUT ROWID"""


class Transfer(NamedTuple):
    """The latest transfer of a call, its `number`-th; `leg` is the stream that ended for it.

    `tries` counts how often the destination was rung. `picked_up_s` and `taken_s` are seconds of the epoch: somebody
    answered, and pressed the key. `result` is empty while it is under way.
    """

    leg: int
    number: int
    destination: str
    summary: str = ""
    tries: int = 1
    picked_up_s: float | None = None
    taken_s: float | None = None
    result: str = ""
    child: str = ""
    """SID of the call to the person, where it is one of the bot's own (briefing)."""


class TransferTable:
    """The transfers in the database of a CallRegistry. Every method is one atomic step."""

    def __init__(self, db: sqlite3.Connection, clock: Callable[[], float]) -> None:
        self._db = db
        self.clock = clock
        db.execute(_TABLE)

    def put(self, call_sid: str, transfer: Transfer) -> None:
        """Enter a transfer in place of an earlier one of the call; one that is known already stays as it is."""
        now_s = self.clock()
        self._db.execute("DELETE FROM transfers WHERE began < ?", (now_s - KEPT_S,))
        self._db.execute(
            "INSERT INTO transfers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (sid) DO UPDATE SET"
            " leg = excluded.leg, number = excluded.number, destination = excluded.destination,"
            " summary = excluded.summary, tries = excluded.tries, picked_up = excluded.picked_up,"
            " taken = excluded.taken, result = excluded.result, child = excluded.child, began = excluded.began"
            " WHERE excluded.leg > transfers.leg",
            (call_sid, *transfer, now_s),
        )

    def find(self, call_sid: str) -> Transfer | None:
        query = (
            "SELECT leg, number, destination, summary, tries, picked_up, taken, result, child FROM transfers"
            " WHERE sid = ?"
        )
        row = self._db.execute(query, (call_sid,)).fetchone()
        return None if row is None else Transfer(*row)

    def picked_up(self, call_sid: str, leg: int) -> bool:
        """Somebody answers there. True for the first time."""
        return self._once("picked_up", call_sid, leg)

    def taken(self, call_sid: str, leg: int) -> bool:
        """They pressed the key. True for the first time."""
        return self._once("taken", call_sid, leg)

    def _once(self, column: str, call_sid: str, leg: int) -> bool:
        step = f"UPDATE transfers SET {column} = ? WHERE sid = ? AND leg = ? AND {column} IS NULL AND result = ''"  # noqa: S608  one of two
        return self._db.execute(step, (self.clock(), call_sid, leg)).rowcount > 0

    def placed(self, call_sid: str, leg: int, child: str) -> None:
        """The bot calls the person by itself: this is that call."""
        self._db.execute("UPDATE transfers SET child = ? WHERE sid = ? AND leg = ?", (child, call_sid, leg))

    def again(self, call_sid: str, leg: int) -> bool:
        """Ring once more. True for the first time."""
        step = "UPDATE transfers SET tries = 2 WHERE sid = ? AND leg = ? AND tries = 1 AND result = ''"
        return self._db.execute(step, (call_sid, leg)).rowcount > 0

    def ringing(self) -> bool:
        """Some person is being rung, or told of a call, of whom nothing is known yet. Twilio will ask what follows."""
        query = "SELECT 1 FROM transfers WHERE result = '' AND taken IS NULL AND began > ? LIMIT 1"
        return self._db.execute(query, (self.clock() - RINGING_S,)).fetchone() is not None

    def over(self, call_sid: str, leg: int, result: str) -> bool:
        """The transfer came to its end. True for the first time; that a caller is gone may be told before the rest."""
        before = ("", GONE) if result == CONNECTED else ("", "")
        step = "UPDATE transfers SET result = ? WHERE sid = ? AND leg = ? AND result IN (?, ?)"
        return self._db.execute(step, (result, call_sid, leg, *before)).rowcount > 0


@dataclass(eq=False)
class Transfers:
    """The same, told to the store besides, if there is one, and asked of it where another instance may know more."""

    table: TransferTable
    store_lookup: StoreLookup | None = None

    def begin(self, call_sid: str, leg: int, destination: str, summary: str) -> None:
        """The stream `leg` has ended for a transfer."""
        before = self.table.find(call_sid)
        if before is not None and before.leg == leg:
            return
        number = 1 if before is None else before.number + 1
        self.table.put(call_sid, Transfer(leg, number, destination, summary))
        self._note(call_sid, BEGAN, {"leg": leg, "number": number, "destination": destination})
        self._note(call_sid, SUMMARY, {"leg": leg, "summary": mask_text(mask_spoken(summary))})

    @property
    def now_s(self) -> float:
        """Seconds of the epoch, by the clock that dates the keys."""
        return self.table.clock()

    async def number(self, call_sid: str) -> int:
        """Times that the call was transferred so far."""
        transfer = await self.find(call_sid)
        return 0 if transfer is None else transfer.number

    async def find(self, call_sid: str) -> Transfer | None:
        """The latest transfer of the call."""
        here = self.table.find(call_sid)
        if self.store_lookup is None or (here is not None and not self.store_lookup.shared):
            return here
        told = _told(await self.store_lookup.events(call_sid, (BEGAN, SUMMARY, PLACED, PICKED_UP, TAKEN, OVER)))
        if told is None or (here is not None and here.leg > told.leg):
            return here
        if here is None or told.leg > here.leg:
            self.table.put(call_sid, told)
            return told
        return here._replace(
            picked_up_s=here.picked_up_s or told.picked_up_s,
            taken_s=here.taken_s or told.taken_s,
            result=here.result or told.result,
            child=here.child or told.child,
        )

    async def find_taken(self, call_sid: str) -> Transfer | None:
        """The same of a call whose two ends were joined: the key that another instance took may be on its way."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + SETTLE_S
        while True:
            found = await self.find(call_sid)
            alone = self.store_lookup is None or not self.store_lookup.shared
            if alone or found is None or found.taken_s is not None or loop.time() > until_s:
                return found
            await asyncio.sleep(LOOK_S)

    async def find_placed(self, call_sid: str, leg: int, within_s: float) -> Transfer | None:
        """The transfer once another process has called the person, or given up; None when it has done neither."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + within_s
        while True:
            found = await self.find(call_sid)
            if found is None or found.leg != leg or found.child or found.result:
                return found
            if loop.time() > until_s:
                return None
            await asyncio.sleep(LOOK_S)

    def placed(self, call_sid: str, leg: int, child: str) -> None:
        """The bot calls the person by itself: this is that call."""
        self.table.placed(call_sid, leg, child)
        self._note(call_sid, PLACED, {"leg": leg, "child": child})

    def picked_up(self, call_sid: str, leg: int) -> None:
        if self.table.picked_up(call_sid, leg):
            self._note(call_sid, PICKED_UP, {"leg": leg, "at": self.table.clock()})

    def taken(self, call_sid: str, leg: int) -> None:
        """The key was pressed; pressed again, or told again, it is the same."""
        if self.table.taken(call_sid, leg):
            self._note(call_sid, TAKEN, {"leg": leg, "at": self.table.clock()})

    def again(self, call_sid: str, leg: int) -> bool:
        """Ring once more. True for the first time."""
        return self.table.again(call_sid, leg)

    def over(self, call_sid: str, leg: int, result: str) -> bool:
        """It came to its end. True for the first time, as far as this instance knows."""
        first = self.table.over(call_sid, leg, result)
        if first:
            self._note(call_sid, OVER, {"leg": leg, "result": result})
        return first

    def _note(self, call_sid: str, name: str, details: Mapping[str, Any]) -> None:
        if self.store_lookup is not None:
            self.store_lookup.note(call_sid, name, details)


def _told(events: list[tuple[str, dict[str, Any]]]) -> Transfer | None:
    """The latest transfer that a call's events tell of."""
    began = [details for name, details in events if name == BEGAN]
    if not began:
        return None
    latest = max(began, key=lambda details: int(details["leg"]))
    leg = latest["leg"]
    of_it = {name: details for name, details in reversed(events) if details.get("leg") == leg}
    picked_up, taken, over = (of_it.get(name, {}) for name in (PICKED_UP, TAKEN, OVER))
    return Transfer(
        leg,
        latest["number"],
        latest["destination"],
        of_it.get(SUMMARY, {}).get("summary", ""),
        picked_up_s=picked_up.get("at"),
        taken_s=taken.get("at"),
        result=over.get("result", ""),
        child=of_it.get(PLACED, {}).get("child", ""),
    )
