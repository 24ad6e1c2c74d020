"""Every link of the README and the manual leads somewhere: to a file, and to a heading in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.test_readme import PATHS

LINK = re.compile(r"!?\[[^\]]*\]\((?P<to>[^)#\s]*)(?:#(?P<anchor>[^)\s]*))?\)")


def anchors(text: str) -> set[str]:
    """Anchors that a repository page makes of the headings."""
    heads = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_link_leads_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in LINK.finditer(text):
        if link["to"].startswith("https://"):
            continue
        target = path.parent / link["to"] if link["to"] else path
        assert target.is_file(), link[0]
        if link["anchor"]:
            assert link["anchor"] in anchors(target.read_text(encoding="utf-8")), link[0]


def test_the_pictures_are_small() -> None:
    for name in ("call-page", "console", "softphone"):
        picture = Path(PATHS[0]).parent / f"bot/docs/{name}.png"
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert picture.stat().st_size < 200_000
