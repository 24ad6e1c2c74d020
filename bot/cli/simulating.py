"""`bot demo`, `bot call`, `bot model`: calls without a phone or without a key."""

# ruff: noqa: PLC0415  help shall come at once, so imports wait for the command that needs them
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.command_line import WRONG_SETTINGS, EnvFile, app, fail, reason_of, settings_for

if TYPE_CHECKING:
    from bot.testing.commands.demo import Cast
    from bot.testing.commands.ring import Ring
    from bot.testing.commands.saved_call import SoundFile

BROKEN_OFF = 130
"""Exit code that a shell gives to what Ctrl-C ended."""
_LONGEST_CALL_S = 86_400


@app.command()
def demo(
    directory: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="Where the recording, the fixture and the page go.")
    ] = Path("heardline-demo"),
    *,
    page: Annotated[bool, typer.Option("--page", help="Serve the browser phone instead, for you to call.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where the page is served; 0: any.")] = 8080,
) -> None:
    """Hear a whole call with no key and no phone; or, with --page, call the bot yourself from a browser.

    The real server, a simulated session behind it and a simulated caller in front of it, over real sockets. Takes less
    than a minute and leaves a WAV, a fixture and a page. With the extra `offline` the session understands and answers.
    """
    from rich.console import Console

    from bot.offline.installed import HOW_TO_GET_IT, is_installed
    from bot.server.workers.event_loop import run_in_loop
    from bot.testing.commands.demo import LINE_TEST, demonstrate, what_next

    console, cast = Console(highlight=False), LINE_TEST
    if is_installed():
        from bot.offline.demo_cast import OFFLINE as cast  # noqa: N811
    if page:
        _serve_pages(directory, cast, port)
        return
    console.print(cast.told, soft_wrap=True)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        left = run_in_loop(demonstrate(directory, console, cast))
    except (OSError, ValueError) as error:
        fail(f"The demo can't write to {directory}: {reason_of(error)}; choose another place with --dir.")
    if left.problems:
        fail(*left.problems)
    for name, path in (("sound", left.wav), ("fixture", left.fixture), ("page", left.page)):
        typer.echo(f"{name:>8}  {path}")
    for line in what_next(left):
        typer.echo(line)
    if cast is LINE_TEST:
        typer.echo(HOW_TO_GET_IT)


def _serve_pages(directory: Path, cast: Cast, port: int) -> None:
    from bot.console.rehearsal import serve_pages
    from bot.server.workers.event_loop import run_in_loop

    try:
        directory.mkdir(parents=True, exist_ok=True)
        run_in_loop(serve_pages(directory, cast, port, typer.echo))
    except OSError as error:
        fail(f"The pages can't be served on port {port} from {directory}: {reason_of(error)}; see --port and --dir.")


@app.command()
def model(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where it listens on this machine; 0: any.")] = 8090,
) -> None:
    """Be the model: a simulated Realtime session for a bot without a key.

    With the extra `offline` it understands, answers aloud and calls the session's functions; without, it greets, plays
    the caller back, talks at length and hangs up. Any Realtime client may use it. Prints what to set for the bot;
    SIGTERM or Ctrl-C ends it.
    """
    from bot.offline.installed import HOW_TO_GET_IT, is_installed
    from bot.server.workers.event_loop import run_in_loop

    if is_installed():
        from bot.offline.offline_server import stand_in_offline

        standing = stand_in_offline(port, typer.echo)
    else:
        from bot.testing.commands.model_on_its_own import LINE_TEST, line_test_session, stand_in

        standing = stand_in(port, line_test_session, typer.echo, who=f"{LINE_TEST} ({HOW_TO_GET_IT})")
    try:
        run_in_loop(standing)
    except OSError as error:
        fail(f"Nothing can listen on port {port} here: {reason_of(error)}; choose another with --port.")


@app.command()
def call(
    url: Annotated[str, typer.Argument(help="The bot's voice webhook, such as https://bot.example.com/voice.")],
    audio: Annotated[
        Path | None, typer.Option("--audio", metavar="WAV", help="What the caller says; without it a scripted caller.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="WAV", help="Keep the call: caller left, what they heard right.")
    ] = None,
    limit: Annotated[float, typer.Option("--limit", min=1, help="Hang up after this many seconds.")] = 120,
    env_file: EnvFile = None,
) -> None:
    """Ring a running bot with a simulated phone.

    It signs as Twilio does, with TWILIO_AUTH_TOKEN and TWILIO_ACCOUNT_SID, which must be those of that bot. Exit code 1
    when the call did not come about, or nothing was ever heard.
    """
    from rich.console import Console

    from bot.testing.commands.ring import Ring, same_file
    from bot.testing.commands.saved_call import SoundFile
    from bot.testing.dialling.mends import bad_url

    problem = bad_url(url) or ("" if 1 <= limit <= _LONGEST_CALL_S else f"--limit {limit} is not 1 to 86400 seconds.")
    if same_file(audio, save):
        problem = f"--save would write over {audio}, which the caller is to say; name another file."
    if problem:
        fail(problem, code=WRONG_SETTINGS)
    settings = settings_for(env_file, "TWILIO_AUTH_TOKEN", "TWILIO_ACCOUNT_SID")
    if not settings.auth_tokens or not settings.twilio_account_sid:
        fail("Set TWILIO_AUTH_TOKEN and TWILIO_ACCOUNT_SID to those of the bot you call.", code=WRONG_SETTINGS)
    spoken = _spoken(audio) if audio else None
    try:
        sound = SoundFile(save) if save else None
    except (OSError, ValueError) as error:
        fail(f"{save} can't be written: {reason_of(error)}; choose another place with --save.", code=WRONG_SETTINGS)
    ring = Ring(
        url,
        audio=spoken,
        auth_token=settings.auth_tokens[0],
        account_sid=settings.twilio_account_sid,
        limit_s=limit,
        console=Console(highlight=False),
    )
    typer.echo(f"calling {url} as {ring.call_sid}")
    _follow(ring, sound)


def _spoken(audio: Path) -> bytes:
    """The caller's words as mu-law. A file that is no WAV, or can't be read, ends the command with exit code 2."""
    from bot.audio.wav import BadWav, read

    try:
        return read(audio)
    except BadWav as error:
        fail(f"{error}.", code=WRONG_SETTINGS)
    except OSError as error:
        fail(f"{audio} can't be read: {reason_of(error)}.", code=WRONG_SETTINGS)


def _follow(ring: Ring, sound: SoundFile | None) -> None:
    """Run the call and tell what became of it, also when it is broken off."""
    from bot.server.workers.event_loop import run_in_loop

    broken_off = False
    try:
        run_in_loop(ring.run())
    except KeyboardInterrupt:
        broken_off = True
    for line in ring.story():
        typer.echo(line)
    problem = "" if broken_off else ring.failure()
    if sound is not None:
        try:
            ring.save(sound)
            sound.close()
        except OSError as error:
            problem = f"{problem} The sound could not be saved: {reason_of(error)}.".strip()
    if problem:
        fail(problem)
    if broken_off:
        raise typer.Exit(BROKEN_OFF)
