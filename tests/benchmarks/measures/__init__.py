"""One module per figure; each takes the rig and gives tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.benchmarks.measures.claims import claims
from tests.benchmarks.measures.console_cost import console
from tests.benchmarks.measures.cost import cost, record, turns
from tests.benchmarks.measures.delay import capacity, delay
from tests.benchmarks.measures.memory import memory
from tests.benchmarks.measures.opening_delay import opening, storm
from tests.benchmarks.measures.reaction import reaction
from tests.benchmarks.measures.store_cost import store
from tests.benchmarks.measures.tools_delay import tools
from tests.benchmarks.report import Table
from tests.benchmarks.rig import Rig

MEASURES: Mapping[str, Callable[[Rig], list[Table]]] = {
    "cost": cost,
    "turns": turns,
    "delay": delay,
    "reaction": reaction,
    "opening": opening,
    "memory": memory,
    "storm": storm,
    "record": record,
    "store": store,
    "claims": claims,
    "console": console,
    "tools": tools,
    "capacity": capacity,
}
