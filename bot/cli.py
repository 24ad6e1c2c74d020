"""The `bot` command. What a command needs is imported inside it, so that help comes at once.

Exit codes: 0 good, 1 the thing asked for failed, 2 wrong usage or settings.
"""

# ruff: noqa: PLC0415  help shall come at once, so imports wait for the command that needs them
from __future__ import annotations

import errno
import gc
import importlib.metadata
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from bot.config import Settings
    from bot.recording.fixture import Fixture
    from bot.testing.commands.ring import Ring
    from bot.testing.commands.saved_call import SoundFile

WRONG_SETTINGS = 2
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""What goes wrong with an output that is a file."""
BROKEN_OFF = 130
"""As a shell says of what Ctrl-C ended."""
_LONGEST_CALL_S = 86_400
THE_STORE = ("DATABASE_URL", "BOT_RECORD_DIR")
"""The settings that say where the calls on record are."""

app = typer.Typer(
    name="bot",
    help="A phone bot between Twilio Media Streams and an OpenAI Realtime session.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["--help", "-h"]},
)

EnvFile = Annotated[
    Path | None,
    typer.Option(
        "--env-file",
        metavar="FILE",
        help="Also read settings from FILE, lines of NAME=value; the environment goes first. No other file is read.",
    ),
]


def main() -> None:
    """Run the command line."""
    gc.set_threshold(50_000)  # looking for cycles among what is imported takes a fifth of a short command's time
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that can't show a letter is no reason to fail
    if not os.environ.get("COLUMNS", "").strip("0"):
        os.environ.pop("COLUMNS", None)  # a terminal of no width is one whose width is not known
    try:
        app(prog_name="bot")
    except OSError as error:
        if error.errno not in _FULL:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains once more as it ends
        typer.echo(f"What there is to say can't be written: {error.strerror}.", err=True)
        sys.exit(1)


def fail(*sentences: str, code: int = 1) -> NoReturn:
    """End the command with each sentence on a line of standard error and no traceback."""
    for sentence in sentences:
        typer.echo(sentence, err=True)
    raise typer.Exit(code)


def all_settings(env_file: Path | None) -> Settings:
    """The settings for answering calls; with any of them wrong, all that keeps a server from it and exit code 2."""
    from bot.config import SettingsError
    from bot.doctor.readiness import judge_rest

    try:
        return _settings(env_file)
    except SettingsError as error:
        fail(*error.problems, *judge_rest(error), code=WRONG_SETTINGS)


def settings_for(env_file: Path | None, *needed: str) -> Settings:
    """The settings named in `needed`, and all others that are right; with one of those wrong, exit code 2."""
    from bot.config import SettingsError, misspelt_among

    try:
        settings = _settings(env_file)
    except SettingsError as error:
        problems = error.about(needed)
        if problems or error.rest is None:
            fail(*problems, code=WRONG_SETTINGS)
        settings = error.rest
    for sentence in misspelt_among(settings, needed):
        typer.echo(sentence, err=True)
    return settings


def _settings(env_file: Path | None) -> Settings:
    from bot.config import load_settings, read_env_file

    return load_settings(os.environ, read_env_file(env_file) if env_file else None)


def _why(error: Exception) -> str:
    """What is wrong with a file, in a few words."""
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


def _version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"heardline {importlib.metadata.version('heardline')}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    _wanted: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


@app.command("help")
def help_(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="COMMAND", help="The command to tell about.")] = None,
) -> None:
    """Tell what the commands do, or how one is used."""
    group: Any = typer.main.get_command(app)
    arguments = [name, "--help"] if name else ["--help"]
    group.main(arguments, prog_name=context.find_root().info_name, standalone_mode=True)


@app.command()
def serve(env_file: EnvFile = None) -> None:
    """Answer calls: the server behind the phone number.

    Settings come from the environment; `bot check` shows them. SIGTERM or Ctrl-C ends it.
    """
    from bot.doctor.readiness import judge
    from bot.observe.logging import configure
    from bot.server.http.listen_address import CannotListen
    from bot.server.workers.operator_messages import Operator
    from bot.server.workers.serve import run

    settings = all_settings(env_file)
    judged = judge(settings)
    if not judged.ready:
        fail(*judged.problems, *judged.missing, code=WRONG_SETTINGS)
    configure(settings.log_level, settings.log_format, secrets=settings.secrets)
    try:
        run(settings, Operator(settings, judged.warnings))
    except CannotListen as error:
        fail(str(error))


@app.command()
def demo(
    directory: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="Where the recording, the fixture and the page go.")
    ] = Path("heardline-demo"),
) -> None:
    """Hear a whole call with no key and no phone.

    The real server, a simulated session behind it and a simulated caller in front of it, over real sockets. Takes
    about half a minute and leaves a WAV, a fixture and a page.
    """
    from rich.console import Console

    from bot.server.workers.event_loop import run_in_loop
    from bot.testing.commands.demo import demonstrate, what_next

    console = Console(highlight=False)
    console.print("A simulated caller rings the real server; the session behind it is simulated too.", soft_wrap=True)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        left = run_in_loop(demonstrate(directory, console))
    except (OSError, ValueError) as error:
        fail(f"The demo can't write to {directory}: {_why(error)}; choose another place with --dir.")
    if left.problems:
        fail(*left.problems)
    for name, path in (("sound", left.wav), ("fixture", left.fixture), ("page", left.page)):
        typer.echo(f"{name:>8}  {path}")
    for line in what_next(left):
        typer.echo(line)


@app.command()
def model(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where it listens on this machine; 0: any.")] = 8090,
) -> None:
    """Be the model: a simulated Realtime session for a bot without a key.

    It greets, plays the caller back, talks at length, remarks on being interrupted and hangs up. It understands
    nothing, and says so. Prints what to set for the bot; SIGTERM or Ctrl-C ends it.
    """
    from bot.server.workers.event_loop import run_in_loop
    from bot.testing.commands.simulated_model_server import stand_in

    try:
        run_in_loop(stand_in(port, typer.echo))
    except OSError as error:
        fail(f"Nothing can listen on port {port} here: {_why(error)}; choose another with --port.")


@app.command()
def call(
    url: Annotated[str, typer.Argument(help="The bot's voice webhook, such as https://bot.example.com/voice.")],
    audio: Annotated[
        Path | None, typer.Option("--audio", metavar="WAV", help="What the caller says; without it a scripted caller.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="WAV", help="Keep the call: caller left, what he heard right.")
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
        fail(f"{save} can't be written: {_why(error)}; choose another place with --save.", code=WRONG_SETTINGS)
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
    """What the caller is to say, as mu-law; with a file that is no WAV a sentence and exit code 2."""
    from bot.audio.wav import BadWav, read

    try:
        return read(audio)
    except BadWav as error:
        fail(f"{error}.", code=WRONG_SETTINGS)
    except OSError as error:
        fail(f"{audio} can't be read: {_why(error)}.", code=WRONG_SETTINGS)


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
            problem = f"{problem} The sound could not be saved: {_why(error)}.".strip()
    if problem:
        fail(problem)
    if broken_off:
        raise typer.Exit(BROKEN_OFF)


def _recorded(path: Path) -> Fixture:
    """The fixture at `path`; with what is none a sentence and exit code 2."""
    from bot.recording.fixture import BadFixture, read_fixture

    try:
        return read_fixture(path)
    except BadFixture as error:
        fail(f"{error}.", code=WRONG_SETTINGS)
    except (OSError, ValueError) as error:
        fail(f"{path} can't be read: {_why(error)}.", code=WRONG_SETTINGS)


@app.command()
def replay(
    fixtures: Annotated[list[Path], typer.Argument(metavar="FIXTURE...", help="Recorded calls (.call.jsonl, .gz).")],
) -> None:
    """Feed recorded calls to the core again and compare what it sends.

    Exit code 1 when any differs; the first difference of each is told in words.
    """
    from bot.recording.fixture import BadFixture
    from bot.recording.replay import replay as replay_fixture

    failed = False
    for path in fixtures:
        try:
            result = replay_fixture(_recorded(path))
        except BadFixture as error:
            fail(f"{error}.", code=WRONG_SETTINGS)
        typer.echo(str(result))
        failed = failed or not result.ok
    if failed:
        raise typer.Exit(1)


@app.command()
def show(
    fixture: Annotated[Path, typer.Argument(help="A recorded call (.call.jsonl, .gz).")],
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write a page with waveforms and sound instead."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Marks and routine messages too.")] = False,
    env_file: EnvFile = None,
) -> None:
    """Show a recorded call: who spoke when, what was heard, where it was cut.

    A page is told to the call store of the settings, if that knows the call: `bot forget` erases it with the rest.
    """
    from bot.views.timeline import timeline
    from bot.views.timeline_in_terminal import show as show_timeline

    recorded = _recorded(fixture)
    if html is None:
        show_timeline(timeline(recorded), minor=everything)
        return
    from bot.store.urls import StoreError, store_url
    from bot.views.stored.exporting import export_fixture_page

    settings = settings_for(env_file, *THE_STORE)
    try:
        where = store_url(settings)
    except StoreError:
        where = None
    try:
        known = export_fixture_page(where, recorded, html)
    except (OSError, ValueError) as error:
        fail(f"{html} can't be written: {_why(error)}.")
    typer.echo(str(html))
    if not known:
        typer.echo("No call store here knows this call: `bot forget` will not find the page.", err=True)


@app.command()
def calls(
    sid: Annotated[str | None, typer.Argument(metavar="SID", help="One call: its SID, or how that begins.")] = None,
    *,
    day: Annotated[str | None, typer.Option(metavar="DAY", help="Calls of that day on this machine's clock.")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="From that day or time on.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Up to that time, or the end of that day.")] = None,
    number: Annotated[str | None, typer.Option(metavar="NUMBER", help="Calls from that number.")] = None,
    reason: Annotated[str | None, typer.Option(metavar="REASON", help="Calls that ended so; live: that go on.")] = None,
    min_usd: Annotated[str | None, typer.Option(metavar="X", help="Calls that cost that many dollars or more.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="At most so many calls, the newest.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the call as a page with waveforms and sound.")
    ] = None,
    vcon: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the call as a vCon.")] = None,
    env_file: EnvFile = None,
) -> None:
    """List the calls on record, or show one: what was said and heard, what it cost, why it ended."""
    from rich.console import Console

    from bot.views.queries.call_query import Question
    from bot.views.queries.command_failures import Failed
    from bot.views.stored import stored_commands

    asked = Question(day, since, until, number, reason, min_usd, limit)
    wanted = stored_commands.Wanted(as_json, html, vcon)
    used = {"BOT_PII_KEY": number is not None, "BOT_PRICES": sid is not None, "PUBLIC_URL": vcon is not None}
    needed = [*THE_STORE, *(name for name, is_used in used.items() if is_used)]
    try:
        stored_commands.calls(settings_for(env_file, *needed), sid, asked, wanted, Console(highlight=False))
    except Failed as failed:
        fail(*failed.sentences, code=failed.code)


@app.command()
def forget(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="The caller's number, such as +15555550142.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
    env_file: EnvFile = None,
) -> None:
    """Erase everything about a caller: records, fixtures, recordings and exports.

    Says what was erased; exit code 1 when something could not be. The server may run meanwhile.
    """
    from bot.views.queries.command_failures import Failed
    from bot.views.stored import stored_commands

    def sure(about: str) -> bool:
        typer.echo(about)
        if not yes and not _person_asked():
            fail("Nothing was erased: add --yes where nobody can be asked.", code=WRONG_SETTINGS)
        return yes or typer.confirm("Erase them for ever?")

    try:
        erased = stored_commands.forget(settings_for(env_file, *THE_STORE, "BOT_PII_KEY"), number, sure)
    except Failed as failed:
        fail(*failed.sentences, code=failed.code)
    for line in erased.story:
        typer.echo(line)
    if erased.failures:
        fail(*erased.failures)


def _person_asked() -> bool:
    return sys.stdin.isatty()


@app.command()
def check(env_file: EnvFile = None) -> None:
    """Show all settings and what is missing.

    What is wrong or missing for a real call, what has no effect or will not last; then every setting with its value
    and source, secrets masked. Exit code 1 when a real call could not work, 2 when a setting is wrong.
    """
    from rich.console import Console

    from bot.doctor.check import examine, show

    report = examine(all_settings(env_file))
    for sentence in report.judged.problems:
        typer.echo(sentence, err=True)
    show(report, Console())
    if not report.judged.ready:
        raise typer.Exit(WRONG_SETTINGS if report.judged.problems else 1)


@app.command()
def metrics(
    *,
    alerts: Annotated[bool, typer.Option("--alerts", help="Print alert rules for Prometheus, in YAML.")] = False,
    dashboard: Annotated[bool, typer.Option("--dashboard", help="Print a dashboard for Grafana, in JSON.")] = False,
) -> None:
    """Show what /metrics tells, or print what is built on it."""
    from rich.console import Console

    from bot.observe.catalogue import ALERTS, DASHBOARD, shipped, show
    from bot.server.bookkeeping.metric_list import FAMILIES

    if alerts and dashboard:
        fail("Ask for --alerts or --dashboard, one at a time.", code=WRONG_SETTINGS)
    if alerts or dashboard:
        typer.echo(shipped(ALERTS if alerts else DASHBOARD), nl=False)
    else:
        show(FAMILIES, Console(highlight=False))


@app.command("help")
def show_help(
    context: typer.Context,
    topic: Annotated[str | None, typer.Argument(metavar="TOPIC", help="A topic of the manual, or a command.")] = None,
) -> None:
    """Show the manual: its topics, or one of them."""
    from rich.console import Console

    from bot.docs import TOPICS, nearest
    from bot.docs.terminal_reader import list_topics, show

    console = Console(highlight=False)
    command = _command_called(context, topic)
    if topic is None:
        list_topics(console)
        typer.echo("\nRead one with `bot help TOPIC`; `bot --help` lists the commands.")
    elif topic in TOPICS:
        show(topic, console)
    elif command:
        typer.echo(command)
    else:
        close = nearest(topic)
        meant = f"did you mean `bot help {close}`?" if close else "`bot help` lists them."
        fail(f"The manual has no topic {topic!r}; {meant}", code=WRONG_SETTINGS)


def _command_called(context: typer.Context, name: str | None) -> str:
    """The help of that command; "" for what is none."""
    group = context.find_root()
    found = getattr(group.command, "commands", {}).get(name)
    return str(found.get_help(found.make_context(name, [], parent=group, resilient_parsing=True))) if found else ""
