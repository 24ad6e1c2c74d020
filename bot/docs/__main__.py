"""`python -m bot.docs`, in a clone: makes anew what README, manual and .env.example have of code and data."""

from __future__ import annotations

import sys
from pathlib import Path

from bot.docs.generated_tables import generated

root = Path(__file__).parents[2]
if not (root / "README.md").is_file():
    sys.exit("This is an installed copy: run it in a clone of the repository.")
for path, text in generated(root).items():
    if path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"written anew: {path.relative_to(root)}\n")
