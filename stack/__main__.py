"""The command line: ``python -m stack up | status | down | balancer``.

``up`` runs in the foreground until Ctrl-C, SIGTERM or SIGHUP, and with ``--json`` also until its standard
input ends, so that it ends with its owner. Whatever goes wrong is one sentence on standard error and exit
code 2.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from . import STARTED, state
from .errors import StackError
from .ports import Ports
from .processes import memory_bytes
from .render_api import RateLimits, RenderApi
from .services import (
    BALANCER_COMMAND_VARIABLE,
    MONITOR_COMMAND_VARIABLE,
    PORT_NAMES,
    PROXY_PORT_NAMES,
    SYNC_COMMAND_VARIABLE,
    Plan,
    balancer_process,
    plan_stack,
)
from .supervisor import Supervisor

_DEFAULT_LOGS = Path(__file__).resolve().parent.parent / "results"
_DOWN_SECONDS = 20.0
_POLL_SECONDS = 0.05
_log = logging.getLogger("stack")


def _pairs(option: str, given: Sequence[str]) -> dict[str, str]:
    """Read ``NAME=VALUE`` arguments.

    Raises:
        StackError: one has no ``=`` or no name.
    """
    pairs: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not re.fullmatch(r"[\w-]+", name):
            raise StackError(f"{option} {text!r} can't be read; it's {option} NAME=VALUE.")
        pairs[name] = value
    return pairs


def _port_numbers(given: Sequence[str]) -> dict[str, int]:
    pairs = _pairs("--port", given)
    for name, value in pairs.items():
        if not value.isdecimal():
            raise StackError(f"--port {name}={value}: a port is a number from 1 to 65535.")
    return {name: int(value) for name, value in pairs.items()}


class _End:
    """What ends a running stack: a signal, or the end of standard input."""

    def __init__(self, *, with_stdin: bool) -> None:
        self._event = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._because, number.name)
        if with_stdin:
            # A thread, since a pipe, a terminal, a file and /dev/null all have to do. It ends with the
            # process.
            threading.Thread(target=self._watch_stdin, args=(loop,), daemon=True, name="stdin").start()

    async def wait(self) -> None:
        """Return when the stack shall end."""
        await self._event.wait()

    def _because(self, reason: str) -> None:
        _log.info("ends because of %s", reason)
        self._event.set()

    def _watch_stdin(self, loop: asyncio.AbstractEventLoop) -> None:
        # os.read rather than sys.stdin: no lock that would be held while the interpreter ends.
        with suppress(OSError):
            while os.read(0, 4096):
                continue
        with suppress(RuntimeError):  # the loop is closed already
            loop.call_soon_threadsafe(self._because, "the end of standard input")


async def _up(arguments: argparse.Namespace) -> int:
    end = _End(with_stdin=arguments.json)
    overrides = _pairs("--set", arguments.set)
    wanted_ports = _port_numbers(arguments.port)
    logs = Path(arguments.logs or _DEFAULT_LOGS / f"stack-{os.getpid()}").resolve()
    try:
        logs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StackError(
            f"The log folder {logs} can't be created: {error.strerror}; choose another with --logs."
        ) from None
    _log_to(logs / "supervisor.log")
    ports = Ports((*PORT_NAMES, *(PROXY_PORT_NAMES if arguments.with_proxies else ())), wanted_ports)
    try:
        for folder in state.sweep():
            _log.info("removed %s, which a dead stack had left", folder)
        about = state.create_folder(logs, for_person=not arguments.json)
        guard = _start_guard(Path(about.folder))
        try:
            plan = plan_stack(
                Path(about.folder),
                ports,
                overrides,
                os.environ.get(BALANCER_COMMAND_VARIABLE),
                sync_command=os.environ.get(SYNC_COMMAND_VARIABLE),
                monitor_command=os.environ.get(MONITOR_COMMAND_VARIABLE),
                with_proxies=arguments.with_proxies,
            )
            values = {**plan.values, "STACK_LOGS": str(logs), "STACK_PID": str(about.pid)}
            values["STACK_STATE"] = str(Path(about.folder) / state.STATE_FILE)
            limits = RateLimits(suspends=arguments.suspends_per_minute)
            await _run(plan, replace(about, values=values), limits, end, as_json=arguments.json)
        finally:
            # The guard removes the folder, and whatever is left, when its pipe is closed.
            guard.communicate()
    finally:
        ports.release()
    return 0


def _start_guard(folder: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
    return subprocess.Popen(
        [sys.executable, "-m", "stack.guard", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
    )


async def _run(plan: Plan, about: state.StackState, limits: RateLimits, end: _End, *, as_json: bool) -> None:
    """Start the stack, say so, and keep it until its end.

    Raises:
        StackError: it did not come up; all of it is stopped again.
    """
    supervisor: Supervisor

    def publish() -> None:
        replace(about, services=supervisor.states()).write()

    supervisor = Supervisor(plan.services, Path(about.folder), Path(about.logs), publish)
    api = RenderApi(supervisor.keepers, plan.render_key, limits)
    ending = asyncio.create_task(end.wait())
    starting = asyncio.create_task(_start(supervisor, api, plan.render_port))
    try:
        await asyncio.wait((starting, ending), return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            seconds = time.monotonic() - STARTED
            _log.info("up in %.2f s", seconds)
            try:
                text = json.dumps(about.values) if as_json else _for_person(about, seconds)
                sys.stdout.write(text + "\n")
                sys.stdout.flush()
            except BrokenPipeError:
                _log.info("ends because nobody reads its standard output")
                return
            await ending
    finally:
        starting.cancel()
        ending.cancel()
        await api.close()
        await supervisor.stop()


async def _start(supervisor: Supervisor, api: RenderApi, port: int) -> None:
    await supervisor.start()
    try:
        await api.open(port)
    except OSError as error:
        raise StackError(f"The Render API can't listen on port {port}: {error.strerror}.") from None


def _for_person(about: state.StackState, seconds: float) -> str:
    values = about.values
    rows = [
        ("Balancer", "BALANCER_URL", "BALANCER_SERVICE_ID"),
        ("Primary", "PRIMARY_URL", "PRIMARY_SERVICE_ID"),
        ("Replica", "REPLICA_URL", "REPLICA_SERVICE_ID"),
        ("PostgreSQL", "DATABASE_URL", "POSTGRES_ID"),
        ("Slack sink", "SLACK_WEBHOOK_URL", "SLACK_SINK_SERVICE_ID"),
        ("Render API", "RENDER_API_URL", None),
        ("Render key", "RENDER_API_KEY", None),
    ]
    width = max(len(values[name]) for _, name, service_id in rows if service_id)
    lines = [f"The stack is up in {seconds:.1f} s (process {about.pid})."]
    for label, name, service_id in rows:
        line = f"  {label:<11}{values[name]:<{width}}  {values[service_id] if service_id else ''}"
        lines.append(line.rstrip())
    lines.append(f"  {'Logs':<11}{about.logs}")
    lines.append("It stops on Ctrl-C, or by: python -m stack down")
    return "\n".join(lines)


def _log_to(file: Path) -> None:
    handler = logging.FileHandler(file, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)


def _status() -> int:
    stacks = state.running_stacks()
    if not stacks:
        print("No stack is running; start one by: python -m stack up")
        return 0
    for stack in stacks:
        own = memory_bytes(stack.pid)  # includes all services: they are its children
        owner = "a person" if stack.for_person else "a program"
        print(f"Stack {stack.pid}, started by {owner}, {own / 1e6:.0f} MB in all, logs in {stack.logs}")
        print(f"  {'service':<17}{'pid':>8}{'port':>8}  {'state':<11}{'memory':>8}")
        for service in stack.services:
            memory = f"{memory_bytes(service.pid) / 1e6:.0f} MB" if service.pid is not None else "-"
            pid = str(service.pid or "-")
            print(f"  {service.name:<17}{pid:>8}{service.port:>8}  {service.state:<11}{memory:>8}")
    return 0


def _down(pid: int | None) -> int:
    """Stop one stack: the one with this pid, or the only one that a person started.

    Raises:
        StackError: there is none, or there are several, or it does not end.
    """
    stacks = state.running_stacks()
    if pid is None:
        chosen = [stack for stack in stacks if stack.for_person]
        if len(chosen) > 1:
            pids = ", ".join(str(stack.pid) for stack in chosen)
            raise StackError(f"{len(chosen)} stacks are running; say which one with --pid: {pids}.")
        if not chosen:
            raise StackError(
                "No stack is running that a person started; "
                + (
                    "those of programs are stopped with --pid (see python -m stack status)."
                    if stacks
                    else "nothing to stop."
                )
            )
    else:
        chosen = [stack for stack in stacks if stack.pid == pid]
        if not chosen:
            raise StackError(f"No stack is running as process {pid}; see python -m stack status.")
    stack = chosen[0]
    os.kill(stack.pid, signal.SIGTERM)
    deadline = time.monotonic() + _DOWN_SECONDS
    while stack.is_running:
        if time.monotonic() > deadline:
            raise StackError(f"Stack {stack.pid} did not end within {_DOWN_SECONDS:g} s; its logs are in {stack.logs}.")
        time.sleep(_POLL_SECONDS)  # until its process is gone
    print(f"Stack {stack.pid} is stopped.")
    return 0


def _balancer() -> NoReturn:
    """Become the balancer that a stack would have, configured by this process's own environment variables.

    Raises:
        StackError: its command can't be read or started.
    """
    words, environment, folder = balancer_process({}, os.environ.get(BALANCER_COMMAND_VARIABLE))
    os.chdir(folder)
    try:
        os.execvpe(words[0], words, environment)
    except OSError as error:
        raise StackError(f"The balancer's command {words[0]} can't be started: {error.strerror}.") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m stack", description="The local ChromaDB deployment.")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start it, and keep it until Ctrl-C")
    up.add_argument("--json", action="store_true", help="print one line of JSON when ready; end with standard input")
    up.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of balancer or monitor")
    up.add_argument(
        "--port", action="append", default=[], metavar="NAME=NUMBER", help=f"one of {', '.join(PORT_NAMES)}"
    )
    up.add_argument(
        "--with-proxies",
        action="store_true",
        help="fault proxies between the balancer and both instances, PostgreSQL and Slack",
    )
    up.add_argument("--logs", metavar="DIR", help="log folder (default: results/stack-<pid>)")
    up.add_argument(
        "--suspends-per-minute",
        type=int,
        default=RateLimits.suspends,
        metavar="N",
        help="suspend and resume requests that the Render API takes for each service (default: %(default)s)",
    )
    commands.add_parser("balancer", help="the balancer alone, configured by environment variables as in a stack")
    commands.add_parser("status", help="show what is running")
    down = commands.add_parser("down", help="stop it")
    down.add_argument("--pid", type=int, help="which one, when several are running")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit code: 0, or 2 with one sentence on standard error.
    """
    arguments = _parser().parse_args(argv)
    try:
        if arguments.command == "up":
            return asyncio.run(_up(arguments))
        if arguments.command == "balancer":
            _balancer()
        return _status() if arguments.command == "status" else _down(arguments.pid)
    except StackError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
