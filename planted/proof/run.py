"""One run of the sign-off, against a deployment with a planted fault or against a correct variant."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from keywords.signoff.local_stack import LocalStack, StackFailed
from keywords.signoff.places import ROOT
from keywords.signoff.runner.workers import interrupt_when_owner_dies
from planted.catalogue import Fault
from planted.variants import Variant

from .outcome import Row, rows_of

LONGEST = 1500.0
"""Seconds after which a run is ended: something hangs."""
_running: set[subprocess.Popen[str]] = set()
_SITE = ROOT / "planted" / "tool" / "site"
Toxics = Mapping[str, Sequence[Mapping[str, object]]]


@dataclass(frozen=True)
class Ran:
    """A run that has ended.

    Attributes:
        rows: the requirements that were looked at; None if there is no page.
        complaint: what it said last.
    """

    rows: tuple[Row, ...] | None
    complaint: str


def run_fault(fault: Fault, tests: Sequence[str], results: Path) -> Ran:
    """Run some tests against a deployment with a planted fault.

    Args:
        fault: what is wrong.
        tests: full names of those that are run; all if empty.
        results: where the run's results go; what is there is deleted.
    """
    variables = _environment(results if tests else None)
    if fault.part == "wire":
        with _stack(results, {}, fault.module.TOXICS) as file:
            return _sign_off(_options("test", tests), results, variables | {"SIGNOFF_STACK": str(file)})
    planted = f"{sys.executable} -m planted {fault.full_name}"
    match fault.part:
        case "tool":
            path = os.pathsep.join([str(_SITE), str(ROOT), *filter(None, [variables.get("PYTHONPATH")])])
            variables |= {"PLANTED_IN_TOOL": fault.name, "PYTHONPATH": path}
        case _:
            variables[f"SIGNOFF_{fault.part.upper()}_COMMAND"] = planted
    # A balancer that is named has no sync workers beside it, unless they are named, too: they would do right what a
    # planted balancer does wrong, and elsewhere take 1.9 of the 4.1 s of CPU time of a stack's start, for nothing.
    if tests:
        variables.setdefault("SIGNOFF_BALANCER_COMMAND", f"{sys.executable} -m stack.balancer")
    return _sign_off(_options("test", tests), results, variables)


def run_variant(variant: Variant, requirements: Sequence[str], results: Path) -> Ran:
    """Sign off some requirements of a correct variant; everything if none is named."""
    variables = _environment(results if requirements else None)
    balancer = f"{sys.executable} -m {variant.balancer}" if variant.balancer else ""
    with _stack(results, variant.settings, variant.toxics, balancer, restarted=variant.restarted) as file:
        return _sign_off(_options("requirement", requirements), results, variables | {"SIGNOFF_STACK": str(file)})


def _options(name: str, values: Sequence[str]) -> list[str]:
    return [word for value in values for word in (f"--{name}", value)]


def _environment(results: Path | None) -> dict[str, str]:
    """Return the environment of a run: that of the proof, without what it says of a sign-off.

    Args:
        results: where a run has locks of its own. With those of all runs, a test that measures has the machine to
            itself, and every other run would wait for it. What is planted is too slow, whoever is at work beside it.
            None where more is measured than what is planted.
    """
    own = {"SIGNOFF_RESULTS": str(results)} if results else {}
    return {name: value for name, value in os.environ.items() if not name.startswith("SIGNOFF_")} | own


def _sign_off(selection: Sequence[str], results: Path, variables: Mapping[str, str]) -> Ran:
    command = [sys.executable, "-m", "keywords.signoff", "--together", "--results", str(results), *selection]
    results.mkdir(parents=True, exist_ok=True)
    page = results / "signoff.json"
    page.unlink(missing_ok=True)
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=dict(variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=interrupt_when_owner_dies,  # one system call, no lock: safe beside threads
    )
    _running.add(process)
    try:
        printed, _ = process.communicate(timeout=LONGEST)
    except subprocess.TimeoutExpired:
        _end(process)
        printed = f"The run did not end within {LONGEST:g} s."
    finally:
        _running.discard(process)
    (results / "printed.log").write_text(printed, encoding="utf-8")
    rows = rows_of(json.loads(page.read_text(encoding="utf-8"))) if page.is_file() else None
    complaint = next((line for line in reversed(printed.splitlines()) if line.strip()), "")
    return Ran(rows, complaint)


def end_all() -> None:
    """Ask every run to end, with what it started."""
    for process in tuple(_running):
        process.terminate()


def _end(process: subprocess.Popen[str]) -> None:
    """End a run with all that it started: it ends its workers and its stacks itself, if it is asked to."""
    process.terminate()
    try:
        process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        for one in (*psutil.Process(process.pid).children(recursive=True), process):
            one.kill()


@contextmanager
def _stack(
    results: Path, settings: Mapping[str, str], toxics: Toxics, balancer: str = "", *, restarted: bool = False
) -> Iterator[Path]:
    """Bring up a deployment that is set up in its own way, and give the file of its endpoints.

    Raises:
        StackFailed: it does not come up, or does not take what it is given.
    """
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir(parents=True)
    # With a balancer of its own and no sync command, a stack would have no sync workers.
    sync = f"{sys.executable} -m stack.sync"
    commands = {"SIGNOFF_BALANCER_COMMAND": balancer, "SIGNOFF_SYNC_COMMAND": sync} if balancer else {}
    stack = LocalStack(settings, results / "logs" / "stack", proxies=bool(toxics), commands=commands)
    stack.start()
    try:
        _poison(stack.endpoints, toxics)
        if restarted:
            _restart_balancer(stack.endpoints)
        file = results / "stack.json"
        # It holds this stack's own throw-away credentials, and is gone with it.
        file.touch(mode=0o600)
        file.write_text(json.dumps(stack.endpoints), encoding="utf-8")
        yield file
        file.unlink()
    finally:
        stack.stop()


def _poison(endpoints: Mapping[str, str], toxics: Toxics) -> None:
    for where, several in toxics.items():
        for toxic in several:
            reply = httpx.post(f"{endpoints[f'{where.upper()}_PROXY_URL']}/toxics", json=dict(toxic))
            if reply.status_code != 201:
                raise StackFailed(f"The proxy before the {where} does not take {dict(toxic)}: {reply.text}")


def _restart_balancer(endpoints: Mapping[str, str]) -> None:
    reply = httpx.post(
        f"{endpoints['RENDER_API_URL']}/services/{endpoints['BALANCER_SERVICE_ID']}/restart",
        headers={"Authorization": f"Bearer {endpoints['RENDER_API_KEY']}"},
        timeout=30,
    )
    if reply.status_code not in (200, 202):
        raise StackFailed(f"The balancer could not be restarted: {reply.status_code} {reply.text}")
