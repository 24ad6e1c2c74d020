"""The right channel of a recording is what the phone truly played, in each of the eight situations."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proof.recorded_sound import recorded_call
from tests.proof.situations import SITUATIONS, Network, Situation

NETWORKS = [
    Network("no delay"),
    Network("80 ms", 80),
    Network("40 ms, prebuffer 120 ms", 40, prebuffer_ms=120),
]


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name)
def test_it_is_what_was_played_sample_for_sample(situation: Situation, network: Network, tmp_path: Path) -> None:
    compared = recorded_call(situation, network, situation.name, tmp_path)
    assert len(compared.recorded) > 8_000 * 2 * 6
    assert compared.exact
