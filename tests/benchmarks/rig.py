"""The rig: two load generators that live through a run, and the subjects between them."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self

from tests.benchmarks.machine import cores
from tests.benchmarks.pacer import LIMIT_LAG_US
from tests.benchmarks.phone_load import Target
from tests.benchmarks.rig_processes import Process, RigError, free_port
from tests.benchmarks.summaries import Summary
from tests.store.troubles import small_disk

Kind = Literal["relay", "minimal", "heardline"]
Store = Literal["none", "kept", "slow", "locked", "full", "gone"]
"""State of the call store: not even looked for, working, working until it is troubled, or nowhere."""
KINDS: tuple[Kind, ...] = ("relay", "minimal", "heardline")
LIMIT_CPU_SHARE = 0.9
SETTLE_S = 1.0
TRIES = 3
ARRIVE_S = 0.3
"""Seconds without anything new after which all that was under way has arrived."""
OPEN_PER_S = 100


@dataclass(frozen=True)
class Subject:
    """One of the things measured, as it runs."""

    name: str
    process: Process
    target: Target


@dataclass(frozen=True)
class Observation:
    """A window of time. Delays are in us, `cost_us` is CPU of the subject per caller frame, shares are of one core."""

    cost_us: float
    up: Summary
    down: Summary
    jitter: Mapping[str, float]
    subject_share: float
    generator_share: float
    lag: Summary
    clears: list[tuple[int, int]]
    lost_calls: int

    @property
    def limited(self) -> bool:
        """True when the load generators, not the subject, may be what was measured."""
        return self.lag.p99 > LIMIT_LAG_US or self.generator_share > LIMIT_CPU_SHARE


@dataclass(frozen=True)
class Loss:
    """Messages with audio that were sent and have not arrived, each way."""

    up: int
    down: int
    calls: int

    def __str__(self) -> str:
        return "nothing" if not any(asdict(self).values()) else f"{self.up} up, {self.down} down, {self.calls} calls"


class Rig:
    """`say` is told what goes on. Everything is steered from here, in order: the rig itself costs nothing meanwhile."""

    def __init__(self, directory: Path, say: Callable[[str], None], *, quick: bool = False) -> None:
        self.say = say
        self.quick = quick
        self.faults: list[str] = []
        """Errors that subjects logged, in words: figures beside them are not those of a healthy run."""
        self._directory = directory
        self._cores = cores()
        self._stack = contextlib.ExitStack()
        self._certificate: Path | None = None

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self._scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="heardline-bench-")))
            self.phone = stack.enter_context(self._generator("phone_load", self._cores.phone))
            self.model = stack.enter_context(self._generator("model_load", self._cores.model))
            self._port = self.model.ask("listen")["port"]
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _generator(self, module: str, on: frozenset[int]) -> Process:
        arguments = ["-m", f"tests.benchmarks.{module}"]
        return Process(arguments, name=module, log=self._directory / f"{module}.log", cores=on)

    # ---- subjects ----

    @contextlib.contextmanager
    def subject(
        self,
        kind: Kind,
        *,
        tls: bool = False,
        record: str = "",
        store: Store = "kept",
        settings: Mapping[str, str] | None = None,
    ) -> Iterator[Subject]:
        """Start a subject for the time of the context. `record`: the bot's BOT_RECORD; `settings` are further ones."""
        port = free_port()
        upstream = self._tls_port() if tls else self._port
        trust = {"SSL_CERT_FILE": str(self._certificate)} if tls else {}
        target = Target(port, f"/{kind}")
        if kind == "relay":
            arguments = ["-m", "tests.benchmarks.relay", str(port), "127.0.0.1", str(upstream)]
            arguments += ["tls"] if tls else []
        elif kind == "minimal":
            url = f"{'wss' if tls else 'ws'}://127.0.0.1:{upstream}/minimal"
            arguments = ["-m", "tests.benchmarks.minimal", str(port), url]
        else:
            target = Target(port, "/voice", secrets.token_hex(16), "AC" + secrets.token_hex(16))
            arguments = ["-m", "tests.benchmarks.storeless"] if store == "none" else ["-m", "bot", "serve"]
            trust |= self._settings(
                target, f"{'wss' if tls else 'ws'}://127.0.0.1:{upstream}/v1/realtime", record=record
            )
            trust |= _GONE if store == "gone" else {}
            trust |= settings or {}
        more = [*(["TLS"] if tls else []), *(["recording", record] if record else [])]
        name = " ".join([kind, *more, *(["store", store] if store != "kept" else [])])
        log = self._directory / f"{name.replace(' ', '-').replace(',', '-')}.log"
        already = log.stat().st_size if log.exists() else 0
        disk = small_disk(self.records(target)) if store == "full" else contextlib.nullcontext()
        try:
            with disk, Process(arguments, name=name, log=log, cores=self._cores.subject, environment=trust) as process:
                process.wait_for_port(port)
                yield Subject(name, process, target)
        finally:
            self._look_for_faults(name, log, already)

    def _look_for_faults(self, name: str, log: Path, already: int) -> None:
        faults = [line for line in log.read_bytes()[already:].splitlines() if b'"level": "error"' in line]
        if faults:
            self.faults.append(f"missed: {name} logged {len(faults)} errors, see {log.name}")

    def _settings(self, target: Target, url: str, *, record: str) -> dict[str, str]:
        """Production settings, but for the limits a benchmark is there to pass."""
        chosen = {
            "OPENAI_API_KEY": "sk-benchmark",
            "OPENAI_REALTIME_URL": url,
            "TWILIO_ACCOUNT_SID": target.account_sid,
            "TWILIO_AUTH_TOKEN": target.auth_token,
            "PUBLIC_URL": f"http://127.0.0.1:{target.port}",
            "HOST": "127.0.0.1",
            "PORT": str(target.port),
            "BOT_MAX_CALLS": "10000",
            "BOT_MAX_LAG_MS": "0",
            "BOT_IDLE_SECONDS": "0",
            "BOT_RECORD_DIR": str(self.records(target)),
        }
        if record:
            chosen |= {"BOT_RECORD": record}
        return chosen

    @property
    def scratch(self) -> Path:
        """A directory that is gone after the run."""
        return self._scratch

    def records(self, target: Target) -> Path:
        """Directory in which the bot keeps its calls."""
        return self._scratch / f"records-{target.port}"

    def _tls_port(self) -> int:
        if self._certificate is None:
            self._certificate = _certificate(self._scratch / "model.pem")
            self._port_with_tls: int = self.model.ask("listen", certificate=str(self._certificate))["port"]
        return self._port_with_tls

    # ---- calls ----

    def open(self, subject: Subject, calls: int, **more: Any) -> dict[str, Any]:
        """Open `calls` more and wait until each has heard something. Raises RigError when one has not."""
        more.setdefault("over_s", calls / OPEN_PER_S)
        opened = self.phone.ask("open", target=asdict(subject.target), calls=calls, **more)
        if opened["failures"]:
            raise RigError(f"{subject.name}: {opened['failures']} of {calls} calls failed: {opened['first_failure']}")
        return opened

    def observe(
        self, subject: Subject, seconds: float, during: Callable[[], None] | None = None, *, lossy: bool = False
    ) -> Observation:
        """Measure the calls that are open: while `during` runs, and for `seconds` after it.

        Raises RigError when the subject has ended one of them, unless `lossy`.
        """
        self.model.ask("window")
        before, before_ns, began_s = self.phone.ask("window"), subject.process.cpu_ns(), time.monotonic()
        if during is not None:
            during()
        time.sleep(seconds)
        after, spent_ns = self.phone.ask("report"), subject.process.cpu_ns() - before_ns
        elapsed_s = time.monotonic() - began_s
        model = self.model.ask("report")
        frames = after["sent"] - before["sent"]
        share = after["cpu_share"] + model["cpu_share"]
        if self._cores.phone != self._cores.model:
            share = max(after["cpu_share"], model["cpu_share"])
        lags = [Summary(**one["lag"]) for one in (after, model)]
        if model["errors"]:
            raise RigError(f"{subject.name} sent what a session does not take: {model['errors'][0]}")
        if after["lost_calls"] and not lossy:
            raise RigError(f"{subject.name} ended {after['lost_calls']} calls by itself")
        return Observation(
            cost_us=spent_ns / 1000 / max(1, frames),
            up=Summary(**model["delay"]),
            down=Summary(**after["delay"]),
            jitter=after["jitter"],
            subject_share=spent_ns / 1e9 / elapsed_s,
            generator_share=share,
            lag=max(lags, key=lambda lag: lag.p99),
            clears=[(call, at) for call, at in after["clears"]],
            lost_calls=after["lost_calls"],
        )

    def steady(self, subject: Subject, seconds: float) -> Observation:
        """Like `observe`, lossy, and again when something else on the machine held the load generators up."""
        for _ in range(TRIES - 1):
            observed = self.observe(subject, seconds, lossy=True)
            if not observed.limited:
                return observed
        return self.observe(subject, seconds, lossy=True)

    def loss(self) -> Loss:
        """Stop both sides, let what is under way arrive, and compare what was sent with what came."""
        self.stop()
        before: Loss | None = None
        while True:
            time.sleep(ARRIVE_S)
            phone, model = self.phone.ask("report"), self.model.ask("report")
            left = Loss(phone["sent"] - model["received"], model["sent"] - phone["received"], phone["lost_calls"])
            if left == before:
                return left
            before = left

    def stop(self) -> None:
        """Stop the audio of both sides; the calls stay open."""
        self.phone.ask("stop")
        self.model.ask("stop")

    def close(self) -> None:
        """Hang up all calls; both generators are as new afterwards. Raises RigError when a session is left open."""
        self.phone.ask("close")
        until_s = time.monotonic() + 5
        while self.model.ask("reset")["sessions"]:
            if time.monotonic() > until_s:
                raise RigError("a session is still open although its call is over")
            time.sleep(0.05)

    def seconds(self, thorough: float, quick: float) -> float:
        return quick if self.quick else thorough


_GONE = {"DATABASE_URL": "postgresql://bot@127.0.0.1:9/calls?sslmode=disable", "BOT_PII_KEY": "00" * 32}
"""A database on a port that nobody listens on."""


def _certificate(path: Path) -> Path:
    """A certificate for 127.0.0.1 that is its own authority, with its key in the same file."""
    key = path.with_suffix(".key")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(path)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise RigError(f"openssl made no certificate: {error}") from None
    path.write_bytes(path.read_bytes() + key.read_bytes())
    return path
