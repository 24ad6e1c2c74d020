"""The one list of faults (failures, "Fault matrix"): the tests run it, and the table prints it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Literal

from tests.faults import model_faults, on_process, on_sockets, operator_faults, outgoing_faults, phone_faults, virtual
from tests.faults.heard import HEARD
from tests.faults.outcome import Outcome
from tests.faults.virtual import Plan, Spoil

Side = Literal["Twilio", "OpenAI", "operator", "process"]


@dataclass(frozen=True)
class Fault:
    """One line of the table."""

    side: Side
    name: str


@dataclass(frozen=True)
class InVirtualTime:
    """One call by the scheduler's clock: its figures are exact."""

    fault: Fault
    plan: Plan
    spoil: Callable[[], Spoil] | None = None

    def run(self) -> Outcome:
        plan = self.plan if self.spoil is None else replace(self.plan, spoil=self.spoil())
        return virtual.run(plan, HEARD[self.fault.name])


@dataclass(frozen=True)
class OnSockets:
    """Calls over loopback by the machine's clock: `run` gives an outcome for each of `faults`.

    `slow`: not among the tests that always run; the disk, the second signal and the 429 have one in tests/server too, the lost process in tests/proof.
    """

    faults: tuple[Fault, ...]
    run: Callable[[], Awaitable[list[Outcome]]]
    slow: bool = False


def _one(run: on_sockets.Run) -> Callable[[], Awaitable[list[Outcome]]]:
    async def listed() -> list[Outcome]:
        return [await run()]

    return listed


def _all(run: Callable[[], Awaitable[dict[str, Outcome]]]) -> Callable[[], Awaitable[list[Outcome]]]:
    async def listed() -> list[Outcome]:
        return list((await run()).values())

    return listed


def _sockets(side: Side, runs: dict[str, on_sockets.Run]) -> list[OnSockets]:
    return [OnSockets((Fault(side, name),), _one(run), slow=name in SLOW) for name, run in runs.items()]


SLOW = frozenset({"clock put back by an hour", "disk full for the store", "HTTP 429", *on_process.IN_REAL_SERVERS})
VIRTUAL = [
    *(InVirtualTime(Fault("Twilio", name), plan, spoil) for name, (plan, spoil) in phone_faults.PLANS.items()),
    *(InVirtualTime(Fault("Twilio", name), plan) for name, plan in outgoing_faults.PLANS.items()),
    *(InVirtualTime(Fault("OpenAI", name), plan) for name, plan in model_faults.PLANS.items()),
    *(InVirtualTime(Fault("operator", name), plan) for name, plan in operator_faults.PLANS.items()),
]
SOCKETS = [
    *_sockets("Twilio", on_sockets.TWILIO),
    *_sockets("OpenAI", on_sockets.OPENAI),
    OnSockets(
        tuple(Fault("process", f"SIGTERM while {state}") for state in on_process.IN_STATES),
        _all(on_process.stopped_in_every_state),
    ),
    OnSockets((Fault("process", "SIGTERM twice while SPEAKING"),), _all(on_process.stopped_twice), slow=True),
    *_sockets("process", on_process.PROCESS),
]
