"""The file of --env-file: lines of NAME=value, as docker and systemd take them."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

MAX_BYTES = 1_000_000
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")


class BadEnvFile(Exception):
    """The file can't be used. `problems` has a sentence for each line that is wrong, without what stands in it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class EnvFile(dict[str, str]):
    """The variables of a file. `repeated` has the sentence for each name that stands there more than once."""

    def __init__(self) -> None:
        super().__init__()
        self.repeated: dict[str, str] = {}


def read_variables(path: Path) -> EnvFile:
    """The variables in `path`; of a name that stands in two lines the later one. Raises BadEnvFile."""
    try:
        text = read_text(path)
    except FileNotFoundError:
        raise BadEnvFile([f"The file {path} of --env-file cannot be found; mend the path."]) from None
    except IsADirectoryError:
        raise BadEnvFile([f"{path} of --env-file is a directory; name the file in it, such as {path}/.env."]) from None
    except (OSError, ValueError) as error:
        raise BadEnvFile([f"The file {path} of --env-file cannot be read ({reason(error)}); mend it."]) from None
    from dotenv.parser import parse_stream  # noqa: PLC0415  most starts have no such file

    found, lines = EnvFile(), dict[str, list[int]]()
    broken = []
    for binding in parse_stream(io.StringIO(text)):
        written = binding.original.string
        line = binding.original.line + written[: len(written) - len(written.lstrip())].count("\n")
        if binding.error or (binding.key is not None and not _is_variable(binding.key, binding.value)):
            broken.append(
                f"Line {line} of {path} is no NAME=value; mend it, close its quotation mark, or begin it with #."
            )
        elif binding.key is not None and binding.value is not None:
            found[binding.key] = binding.value
            lines.setdefault(binding.key, []).append(line)
    if broken:
        raise BadEnvFile(broken)
    for name, at in lines.items():
        if len(at) > 1:
            told = f"{', '.join(map(str, at[:-1]))} and {at[-1]}"
            found.repeated[name] = f"{name} stands in lines {told} of {path}; the last one holds: take the others away."
    return found


def _is_variable(name: str, value: str | None) -> bool:
    return value is not None and _NAME.fullmatch(name) is not None


def read_text(path: Path) -> str:
    """The text of a file. Raises OSError, or ValueError in words."""
    with path.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise ValueError("it is over a million bytes long")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ValueError("it is not UTF-8 but UTF-16; save it as UTF-8")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file. Raises OSError, or ValueError in words."""
    import tomllib  # noqa: PLC0415  most starts have no such file

    text = read_text(path)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"it is no TOML: {error}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def reason(error: Exception) -> str:
    """The short reason of an error with a file."""
    return (error.strerror or "unreadable") if isinstance(error, OSError) else str(error)
