"""`python -m tests.page_picture PAGE.html`: takes the picture of a call's page that the README shows, with Chromium.

The page is one that the bot has written, such as the demo's; the picture is written to `bot/docs/call-page.png`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.views.test_page_in_browser import BROWSERS, QUIET

PICTURE = Path(__file__).parents[1] / "bot/docs/call-page.png"
SIZE = "1180,704"


def take(browser: str, page: Path, picture: Path) -> None:
    """Write what the browser shows of the page's beginning."""
    with tempfile.TemporaryDirectory() as profile:
        command = [
            *(browser, *QUIET, f"--user-data-dir={profile}", "--hide-scrollbars", f"--window-size={SIZE}"),
            *("--virtual-time-budget=10000", f"--screenshot={picture}", page.absolute().as_uri()),
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=120)


def main() -> None:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if len(sys.argv) != 2 or browser is None:
        sys.exit(
            "Say which page: python -m tests.page_picture heardline-demo/call.html (Chromium must be on the PATH)."
        )
    take(browser, Path(sys.argv[1]), PICTURE)


if __name__ == "__main__":
    main()
