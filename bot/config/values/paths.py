"""Paths that a person gave: what is there, and a sentence's end where it can't be looked at."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import Literal

There = Literal["file", "directory", "other", "nothing"]


def there(path: Path) -> There:
    """The kind of thing at `path`. Raises ValueError, in words that follow the variable's name.

    `Path.exists` and its like raise PermissionError on some versions of Python, and call the place empty on others.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return "nothing"
    except OSError as error:
        raise ValueError(
            f"names a path that can't be looked at ({error.strerror}); mend it, or its directory"
        ) from None
    except ValueError:
        raise ValueError("must be a path, without a NUL in it") from None
    if stat.S_ISDIR(mode):
        return "directory"
    return "file" if stat.S_ISREG(mode) else "other"


_SHELLS = re.compile(r"\$\w+|\$\{[^}]*\}|%[A-Za-z]\w+%")


def unexpanded(path: Path) -> bool:
    """True for ~/calls, ~me/calls or $HOME/calls: a shell puts a directory there, and nobody else does."""
    return any(map(_SHELLS.search, path.parts)) or (bool(path.parts) and path.parts[0].startswith("~"))
