"""`bot serve` in processes of its own, between a simulated Realtime server and simulated phones."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from bot.config import load_settings
from bot.config.settings_table import variables
from bot.testing.agent import Agent, Reply, ScriptedAgent
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.model import SimulatedModel
from bot.testing.model.server import SimulatedRealtimeServer
from tests.server.simulated_server import GREETING, Reach, a_phone, environment, heard, until
from tests.waiting import GIVE_UP_S
from tests.warm import Started, run, start

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "bot", "serve")
START_S = GIVE_UP_S
ServerProcess = subprocess.Popen[bytes] | Started


@dataclass
class Instance(Reach):
    """One started server of several processes. `directory` is its TMPDIR; its standard error is kept there."""

    process: ServerProcess
    directory: Path
    _read: int = field(default=0, init=False)
    _logs: list[Any] = field(default_factory=list, init=False)

    # ---- looking ----

    @property
    def log(self) -> list[Any]:
        """The log so far."""
        with (self.directory / "stderr").open("rb") as file:
            file.seek(self._read)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._read += len(line)
                self._logs.append(_entry(line))
        return self._logs

    def logged(self, event: str) -> list[Any]:
        return [entry for entry in self.log if entry["message"] == event]

    @property
    def reasons(self) -> list[str]:
        return [entry["reason"] for entry in self.logged("call_ended")]

    @property
    def workers(self) -> set[int]:
        """The processes that answer calls."""
        return children(self.process.pid)

    def asked(self, query: str, *values: Any) -> list[Any]:
        """Rows of the registry that the processes share."""
        (shared,) = self.shared
        path = shared / "calls.sqlite"
        with contextlib.closing(sqlite3.connect(path, timeout=GIVE_UP_S)) as db:
            return db.execute(query, values).fetchall()

    def stored(self, query: str) -> list[Any]:
        """Rows of the call store."""
        with contextlib.closing(
            sqlite3.connect(self.directory / "recordings" / "calls.sqlite", timeout=GIVE_UP_S)
        ) as db:
            return db.execute(query).fetchall()

    @property
    def shared(self) -> list[Path]:
        """The directory that the processes share, if it is there."""
        return list(self.directory.glob("heardline-*"))

    def box(self, worker: int) -> Path:
        """Path of the socket on which this process takes connections from the others."""
        return self.shared[0] / f"{worker}.box"

    @property
    def accepting(self) -> set[int]:
        return {pid for (pid,) in self.asked("SELECT pid FROM workers WHERE accepting")}

    def owner(self, call_sid: str) -> int:
        ((owner,),) = self.asked("SELECT owner FROM calls WHERE sid = ?", call_sid)
        return int(owner)

    # ---- choosing ----

    def only(self, worker: int) -> contextlib.AbstractContextManager[None]:
        """Let all that connects meanwhile connect to this process."""
        return self.standing(self.workers - {worker})

    @contextlib.contextmanager
    def standing(self, others: set[int]) -> Iterator[None]:
        """Have these processes stand still meanwhile, where they hold nobody up."""
        _signalled(others, signal.SIGSTOP)
        try:
            while not self._halted(others):
                _signalled(others, signal.SIGCONT)
                _signalled(others, signal.SIGSTOP)
            yield
        finally:
            _signalled(others, signal.SIGCONT)

    def _halted(self, others: set[int]) -> bool:
        """They stand still, and none of them in the middle of writing to the registry."""
        while not all(map(_stands_still, others)):
            pass
        path = self.shared[0] / "calls.sqlite"
        with contextlib.closing(sqlite3.connect(path, timeout=0.2, isolation_level=None)) as db:
            try:
                db.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return False
            db.execute("ROLLBACK")
            return True

    # ---- ending ----

    async def exit(self, within_s: float = GIVE_UP_S) -> int:
        """Wait until the manager is gone; every worker is by then."""
        await until(lambda: self.process.poll() is not None, within_s=within_s)
        return int(self.process.returncode)

    async def works(self) -> None:
        """One more call: the greeting is heard to its last byte."""
        await heard_out(self, a_phone())


async def heard_out(reach: Reach, *phones: SimulatedPhone, audio: bytes = GREETING.items[0].audio) -> None:
    """Calls at once, each until `audio` is heard; then the callers hang up."""

    async def call(phone: SimulatedPhone) -> None:
        calling = asyncio.create_task(reach.dial(phone))
        try:
            await until(lambda: len(heard(phone)) >= len(audio) or calling.done())
            phone.hang_up(0)
            result = await calling
        finally:
            calling.cancel()
        assert heard(phone) == audio, (len(heard(phone)), len(audio), result)
        assert (result.ending, result.failure) == ("caller_hung_up", "")

    async with asyncio.TaskGroup() as group:
        for phone in phones:
            group.create_task(call(phone))


def children(parent: int) -> set[int]:
    """Processes that `parent` has started and that are not buried yet."""
    task = Path(f"/proc/{parent}/task/{parent}/children")
    if task.exists():
        return {int(pid) for pid in task.read_text(encoding="ascii").split()}
    pairs = [line.split() for line in _ps("-A", "-o", "pid=,ppid=").splitlines()]
    return {int(pid) for pid, of in pairs if int(of) == parent} - {parent}


def _signalled(pids: set[int], number: int) -> None:
    for pid in pids:
        os.kill(pid, number)


def _stands_still(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    if status.exists():
        return status.read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "T"
    return _ps("-o", "state=", "-p", str(pid)).startswith("T")


def _ps(*options: str) -> str:
    """What the system tells of processes, where there is no /proc; starting a program for it takes a while."""
    return subprocess.run(["ps", *options], capture_output=True, text=True, check=False).stdout


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextlib.asynccontextmanager
async def serving(
    directory: Path,
    *replies: Reply,
    killed: bool = False,
    agents: Iterator[Agent] | None = None,
    command: Sequence[str] = (),
    **env: str,
) -> AsyncIterator[Instance]:
    """An instance that is ready, started by `command` if there is one.

    Ends with it gone, every session closed, nothing left in its TMPDIR, no error in the log but one when a worker was
    `killed`. `agents` are of the first sessions, in their order; those of the others say `replies`.
    """

    def session(name: str) -> SimulatedModel:
        first = None if agents is None else next(agents, None)
        return SimulatedModel(first or ScriptedAgent(replies or [GREETING]), model=name)

    async with contextlib.AsyncExitStack() as stack:
        model = await stack.enter_async_context(SimulatedRealtimeServer(session))
        told = environment(model.url, PORT=str(_free_port()), WEB_CONCURRENCY="2", **env)
        settings = load_settings(told)
        process = begun(told, directory, command)
        stack.callback(_kill_group, process)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        instance = Instance(settings, f"http://127.0.0.1:{told['PORT']}", model, http, process, directory)
        await _started(instance)
        yield instance
        if process.poll() is None:
            process.terminate()
        assert await instance.exit() == 0
        await until(lambda: not model.open_sessions)
        assert [complaint for one in model.sessions for complaint in one.violations] == []
        assert instance.shared == []
        errors = [one["message"] for one in instance.log if one["level"] in {"error", "critical"}]
        assert len(errors) == killed, errors


def logged(directory: Path, event: str) -> list[Any]:
    """The entries of that name that a server whose directory it is has logged by now."""
    lines = (directory / "stderr").read_bytes().splitlines(keepends=True)
    return [entry for entry in map(_entry, lines) if entry["message"] == event]


def _entry(line: bytes) -> Any:
    """A line of the log; one that is not yet written to its end is of no event."""
    if not line.endswith(b"\n"):
        return {"message": ""}
    try:
        return msgspec.json.decode(line)
    except msgspec.DecodeError as error:
        raise AssertionError(f"no line of a log: {line!r}") from error


def begun(told: dict[str, str], directory: Path, command: Sequence[str] = ()) -> ServerProcess:
    """A server that was just started, by `command` if there is one."""
    env = _inherited(told, directory)
    with (directory / "stderr").open("ab") as stderr:
        if command:
            return subprocess.Popen(command, cwd=ROOT, env=env, stderr=stderr, start_new_session=True)
        return start("serve", cwd=ROOT, env=env, stderr=stderr, start_new_session=True)


def run_to_its_end(told: dict[str, str], directory: Path) -> subprocess.CompletedProcess[str]:
    """A server that does not start."""
    return run("serve", cwd=ROOT, env=_inherited(told, directory))


def _inherited(told: dict[str, str], directory: Path) -> dict[str, str]:
    others = {name: value for name, value in os.environ.items() if name not in variables()}
    return {**others, "BOT_RECORD_DIR": str(directory / "recordings"), **told, "TMPDIR": str(directory)}


def _kill_group(process: ServerProcess) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


async def _started(instance: Instance) -> None:
    """Wait until every process takes calls."""
    concurrency = instance.settings.web_concurrency
    loop = asyncio.get_running_loop()
    give_up_s = loop.time() + START_S
    while True:
        with contextlib.suppress(aiohttp.ClientConnectorError):
            if (await instance.ready())[0] == 200 and len(instance.accepting) == concurrency:
                return
        assert instance.process.poll() is None, (instance.directory / "stderr").read_text()
        assert loop.time() < give_up_s, (instance.directory / "stderr").read_text()
        await asyncio.sleep(0.05)
