"""`bot dial`: have a running server call somebody."""

# ruff: noqa: PLC0415  help shall come at once, so imports wait for the command that needs them
from __future__ import annotations

import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.command_line import WRONG_SETTINGS, EnvFile, app, fail, reason_of, settings_for

if TYPE_CHECKING:
    from bot.config import Settings

NOBODY = frozenset({"no_answer", "busy", "failed"})
_KEY = re.compile(r"[!-~]{1,255}")
ANSWERED = {
    "human": "A person has answered.",
    "machine": "A machine has answered.",
    "screening": "A call screening has asked who is calling.",
    "uncertain": "Somebody has answered, perhaps a machine.",
    "no_answer": "Nobody has answered.",
    "busy": "The line is busy.",
    "failed": "The call could not be connected.",
}


@app.command()
def dial(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="Whom to call, such as +12025550142.")],
    *,
    purpose: Annotated[str | None, typer.Option(metavar="TEXT", help="What the call is for.")] = None,
    purpose_file: Annotated[Path | None, typer.Option(metavar="FILE", help="The same, from a file.")] = None,
    profile: Annotated[str, typer.Option(metavar="NAME", help="The profile of BOT_PROFILES that calls.")] = "",
    greeting: Annotated[str | None, typer.Option(metavar="TEXT", help="In place of BOT_DIAL_GREETING.")] = None,
    message: Annotated[str | None, typer.Option(metavar="TEXT", help="In place of BOT_DIAL_MESSAGE.")] = None,
    key: Annotated[str, typer.Option(metavar="KEY", help="The idempotency key; the same rings once.")] = "",
    url: Annotated[str, typer.Option(metavar="URL", help="The server; else the one on this machine.")] = "",
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Show what becomes of it, to its end.")] = True,
    env_file: EnvFile = None,
) -> None:
    """Have the running server call somebody, and show what becomes of it.

    Exit code 0 when the call was answered, by whomever, 1 when there was none or nobody took it. Ctrl-C leaves it be.
    """
    import asyncio

    from bot.config.values.caller_lists import e164

    settings = settings_for(env_file, "ADMIN_TOKEN", "HOST", "PORT")
    token = settings.admin_token.get_secret_value()
    if not token:
        fail("ADMIN_TOKEN is not set; the server makes calls for nobody without it.", code=WRONG_SETTINGS)
    if key and not _KEY.fullmatch(key):
        fail("--key must be 1 to 255 visible ASCII characters.", code=WRONG_SETTINGS)
    wanted: dict[str, Any] = {
        "to": e164(number) or number,
        "purpose": _purpose(purpose, purpose_file),
        "profile": profile,
    }
    wanted |= {name: text for name, text in {"greeting": greeting, "message": message}.items() if text is not None}
    call = _call(_checked(url) or _here(settings), token, wanted, key or secrets.token_hex(16), wait=wait)
    try:
        answered = asyncio.run(call)
    except KeyboardInterrupt:
        fail("The call goes on; `bot calls` tells of it.")
    if not answered:
        raise typer.Exit(1)


async def _call(url: str, token: str, wanted: dict[str, Any], key: str, *, wait: bool) -> bool:
    """Place and follow the call: whether anybody answered."""
    from bot.cli.dial_client import DialClient, DialError

    async with DialClient(url, token) as client:
        try:
            call_id = await client.place(wanted, key)
            typer.echo(f"It rings: {call_id}.")
            if not wait:
                return True
            told: dict[str, Any] = {}
            said = ""
            async for told in client.follow(call_id):
                line = ANSWERED.get(told.get("answered_by") or "", "")
                if line and line != said:
                    said = line
                    typer.echo(line)
        except DialError as error:
            fail(str(error), code=WRONG_SETTINGS if error.usage else 1)
    typer.echo(_ended(told))
    return told.get("answered_by") not in NOBODY


def _ended(told: dict[str, Any]) -> str:
    seconds = int(told.get("seconds") or 0)
    spent = f"${told.get('usd') or 0:.4f}"
    return f"The call has ended after {seconds // 60}:{seconds % 60:02}: {told.get('reason') or 'unknown'}, {spent}."


def _purpose(text: str | None, file: Path | None) -> str:
    if text is not None and file is not None:
        fail("Give --purpose or --purpose-file, one of them.", code=WRONG_SETTINGS)
    if file is None:
        return text or ""
    from bot.config.env_file import read_text

    try:
        return read_text(file)
    except (OSError, ValueError) as error:
        fail(f"{file} can't be read: {reason_of(error)}.", code=WRONG_SETTINGS)


def _checked(url: str) -> str:
    """The address of --url: an https one, since a token goes there; http on loopback."""
    from bot.config.values.value_checks import public_url

    try:
        return public_url(url) if url else ""
    except ValueError as error:
        fail(f"--url {error}.", code=WRONG_SETTINGS)


def _here(settings: Settings) -> str:
    """The server on this machine, by the settings it has."""
    host = settings.host if settings.host not in {"0.0.0.0", "::", ""} else "127.0.0.1"  # noqa: S104  it is not bound to
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"
