"""Counters, gauges and histograms for Prometheus, made from a table.

Every family has at most one label, and the label's values are known beforehand: whatever else comes is counted as
`other`, so nothing a stranger sends can make a series. With PROMETHEUS_MULTIPROC_DIR set, every process writes its
values to files there and any of them answers for all; the variable must be set before the first Metrics is made, since
prometheus_client, imported only then, looks at it once.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

MULTIPROCESS_DIR = "PROMETHEUS_MULTIPROC_DIR"
OTHER = "other"


class Family(NamedTuple):
    """One metric under its exposed name. `values` are those of `label`; `buckets` the upper bounds of a histogram.

    `common`: a gauge of which every process knows the whole, so that the largest counts and not the sum.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    about: str
    label: str = ""
    values: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    common: bool = False


class Metrics:
    """The values of `families` in this process. All are there from the start, at 0, for each known label value."""

    def __init__(self, families: Iterable[Family]) -> None:
        import prometheus_client as library  # noqa: PLC0415  it takes a tenth of a second, and commands need it not

        library.disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = library.CollectorRegistry()
        self._families = {family.name: family for family in families}
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}
        for family in self._families.values():
            self._make(family)

    def _make(self, family: Family) -> None:
        import prometheus_client as library  # noqa: PLC0415

        name, about, registry = family.name, family.about, self._registry
        labels = (family.label,) if family.label else ()
        made: Counter | Gauge | Histogram
        if family.kind == "counter":
            made = self._counters[name] = library.Counter(name, about, labels, registry=registry)
        elif family.kind == "gauge":
            # A dead process has no live calls: its gauges do not count, its counters do.
            mode: Literal["livesum", "livemax"] = "livemax" if family.common else "livesum"
            made = self._gauges[name] = library.Gauge(name, about, labels, registry=registry, multiprocess_mode=mode)
        else:
            made = self._histograms[name] = library.Histogram(
                name, about, labels, registry=registry, buckets=family.buckets
            )
        for value in family.values:
            made.labels(value)

    def add(self, name: str, amount: float = 1, value: str = "") -> None:
        """Count `amount` more; `value` is that of the family's label, if it has one."""
        counter = self._counters[name]
        label = self._label(name, value)
        (counter.labels(label) if label else counter).inc(amount)

    def set(self, name: str, amount: float, value: str = "") -> None:
        """The gauge stands at `amount`; `value` is that of the family's label, if it has one."""
        gauge = self._gauges[name]
        label = self._label(name, value)
        (gauge.labels(label) if label else gauge).set(amount)

    def observe(self, name: str, amount: float, value: str = "") -> None:
        """One more sample; `value` is that of the family's label, if it has one."""
        histogram = self._histograms[name]
        label = self._label(name, value)
        (histogram.labels(label) if label else histogram).observe(amount)

    def _label(self, name: str, value: str) -> str:
        family = self._families[name]
        if not family.label:
            return ""
        return value if value in family.values else OTHER

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """All values, those of the other processes included, and the content type that fits the Accept header."""
        from prometheus_client.exposition import choose_encoder  # noqa: PLC0415

        encode, content_type = choose_encoder(accept)
        return encode(self._collected()), content_type

    def _collected(self) -> CollectorRegistry:
        directory = os.environ.get(MULTIPROCESS_DIR)
        if not directory:
            return self._registry
        from prometheus_client import CollectorRegistry  # noqa: PLC0415
        from prometheus_client.multiprocess import MultiProcessCollector  # noqa: PLC0415

        together = CollectorRegistry()
        MultiProcessCollector(together, directory)  # type: ignore[no-untyped-call]
        return together


def process_gone(pid: int) -> None:
    """A process of ours is dead: what it held live is not there any more. Does nothing without other processes."""
    directory = os.environ.get(MULTIPROCESS_DIR)
    if directory:
        from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415

        mark_process_dead(pid, directory)  # type: ignore[no-untyped-call]
