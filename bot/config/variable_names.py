"""Names of variables that are no settings: other software's, and those that a person has misspelt."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping

PREFIX = "BOT_"
_NEAR = 0.7
"""Likeness of a name that begins with BOT_, what comes after that compared: nobody else is likely to have it."""
_VERY_NEAR = 0.84
"""Likeness of a name that other software could have: OPENAI_API_TYPE is 0.8 of OPENAI_API_KEY, and no mistake."""
_LETTERS = 8
"""Shorter names, HOST and PORT, are like too many others."""
_CONTAINERS = re.compile(
    r".*_SERVICE_HOST|.*_SERVICE_PORT(?:_\w+)?|.*_PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:START|END))?(?:_(?:ADDR|PORT|PROTO))?"
)
_CONTAINER_VALUES = re.compile(r"(?:tcp|udp|sctp)://.*|/[\w.-]+/[\w.-]+")


def _of_containers(name: str, merged: Mapping[str, str]) -> bool:
    """True for a name that Kubernetes or Docker sets for a Service, or a linked container, that is called as we are."""
    if "_ENV_" in name:  # the linked container's own variables
        return _of_containers(name.partition("_ENV_")[0] + "_NAME", merged)
    if name.endswith(("_PORT", "_NAME")) and _CONTAINER_VALUES.fullmatch(merged.get(name, "")):
        return True
    return _CONTAINERS.fullmatch(name) is not None


def unknown(merged: Mapping[str, str], names: Collection[str]) -> dict[str, str]:
    """A sentence for each name in `merged` that begins with BOT_, or would in capitals, and is none of `names`."""
    problems = {}
    for name in merged:
        upper = name.upper()
        if not upper.startswith(PREFIX) or name in names or _of_containers(name, merged):
            continue
        near = meant(name, names)
        problems[name] = (
            f"{name} is no setting; rename it to {near}, the nearest there is, or unset it."
            if near
            else f"{name} is no setting; unset it (`bot check` lists those there are)."
        )
    return problems


def meant(name: str, names: Collection[str]) -> str | None:
    """The one of `names` that `name`, itself or misspelt, is most likely for; None for no such likeness."""
    upper = name.upper()
    if upper in names or not upper.startswith(PREFIX):
        return upper if upper in names else None
    return _near_prefixed(upper, names)


def _near_prefixed(name: str, names: Collection[str]) -> str | None:
    bare = name.removeprefix(PREFIX)
    if bare in names:
        return bare
    ours = {known.removeprefix(PREFIX): known for known in names if known.startswith(PREFIX)}
    near = difflib.get_close_matches(bare, ours, n=1, cutoff=_NEAR)
    return ours[near[0]] if near else None


def misspelt(merged: Mapping[str, str], names: Collection[str]) -> dict[str, str]:
    """Names without BOT_ that are very near to a setting which is not given: the setting, and what was written."""
    wanted = {_plain(name): name for name in names if len(name) >= _LETTERS and not name.startswith(PREFIX)}
    absent = {plain: name for plain, name in wanted.items() if not _given(name, merged)}
    found: dict[str, str] = {}
    for name, value in merged.items():
        if name in names or name.upper().startswith(PREFIX) or not value.strip() or _of_containers(name, merged):
            continue
        near = difflib.get_close_matches(_plain(name), absent, n=1, cutoff=_VERY_NEAR)
        if near:
            found.setdefault(absent[near[0]], name)
    return found


def _given(name: str, merged: Mapping[str, str]) -> bool:
    """True for a setting that has a value, by itself or in a file."""
    bare = name.removesuffix("_FILE")
    return any(merged.get(either, "").strip() for either in (bare, f"{bare}_FILE"))


def _plain(name: str) -> str:
    return re.sub("[^A-Z0-9]", "", name.upper())
