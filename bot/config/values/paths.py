"""Paths that a person gave: what is there, and a sentence's end where it can't be looked at."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import Literal

SECRET_LIKE = re.compile(r"sk-.*|[A-Za-z0-9_=+-]{20,}|\w+:/.*")
"""Text in a path's place that may be a key or token, which no sentence shall repeat."""
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


def existing_file(path: Path) -> Path:
    """`path`, which must be a file that can be read. Raises ValueError, in words that follow the variable's name."""
    if (found := there(path)) == "directory":
        raise ValueError(f"must be a file that exists, and names a directory; name the file in it{looked_at(path)}")
    if found != "file":
        raise ValueError(f"must be a file that exists; put it there, or mend the path{looked_at(path)}")
    return path


def looked_at(path: Path) -> str:
    """The path in full, so that the directory we are in is seen; nothing for what may be a secret."""
    plain = str(path)
    return "" if SECRET_LIKE.fullmatch(plain) or not plain.isprintable() else f" (looked at {path.absolute()})"
