"""Whether a start is refused or waits as it should: the preflight, tried out with wrong and late deployments."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from ..environment import RESOURCES, BadEnvironment, Environment, load_environment
from ..ports import unused_port
from ..testbed import Testbed
from ..verdict import CouldNotObserve, NotMet, NotTested, VerdictClass
from ..words import count, duration, listing, shortened
from .preflight import WAIT_VARIABLE, PreflightFailed, preflight
from .subruns import new_folder, robot, run, variables_for

_SHORT = timedelta(milliseconds=300)
_ENDS_WITHIN = timedelta(seconds=60)
SERVICES = ("balancer", "primary", "replica", "database", "key", "control plane")
_WORDS = {"database": "PostgreSQL", "key": "Render API", "control plane": "Render API"}


def passes(bed: Testbed) -> str:
    """Look at every part of the deployment; return the versions in words."""
    try:
        found = preflight(bed.environment, bed.environment.limits.recovery_max)
    except PreflightFailed as error:
        raise NotMet(bed.unserved().says(str(error))) from None
    return ", ".join(f"{name} {version}" for name, version in found.versions.items())


def names_missing_variables(file: Path) -> str:
    """Check that an environment without one of its variables is refused by one sentence that names it, for each one.

    And without any, by one sentence that names all of them: nothing has a default, no host and no credential.

    Returns:
        The variables, in words.
    """
    # By its values alone: comments speak of variables as well.
    values = json.dumps(yaml.safe_load(file.read_text(encoding="utf-8")))
    used = sorted(set(re.findall(r"\$\{(\w+)\}", values)))
    if not used:
        raise CouldNotObserve(f"{file.name} uses no variable, so none can be missing")
    unnamed: dict[str, None] = {}
    for missing in (*([name] for name in used), used):
        try:
            environment = load_environment(str(file), {name: "given" for name in used if name not in missing})
        except BadEnvironment as error:
            sentence = str(error)
        else:
            # What a deployment can be tested without is missing all the same, and the page says what for.
            sentence = "; ".join(environment.absent.values())
        unnamed |= {name: None for name in missing if "\n" in sentence or not re.search(rf"\b{name}\b", sentence)}
    if unnamed:
        without = listing(list(unnamed), len(used))
        silent = f"no sentence says what is missing when {file.name} is read without {without}"
        raise NotMet(VerdictClass.UNGUARDED.says(silent))
    return f"each of {count(len(used), 'variable')} named when it is missing"


def suites_alone_refuse(bed: Testbed, service: str) -> str:
    """Run a suite by itself, as `robot` and `pabot` do, where a service is not there; return what it says.

    Raises:
        NotMet: if a test of it is run, or it doesn't say in one sentence what is missing.
    """
    folder = new_folder("prerequisites")
    wrong = _with_wrong(bed.environment, service)
    variables = variables_for(bed, folder) | {
        **{"BALANCER_URL": wrong.balancer_url, "PRIMARY_URL": wrong.primary_url, "REPLICA_URL": wrong.replica_url},
        **{"DATABASE_URL": wrong.database_url, WAIT_VARIABLE: str(_SHORT.total_seconds())},
    }
    suite = RESOURCES / "lifecycle" / "passes.robot"
    code, printed = run(robot([suite], folder), variables, _ENDS_WITHIN)
    said = " ".join(printed.split())
    sentence = re.search(rf"The [^.]*{service} at \S+ can't be used: .*?\(waited [^)]*\)\.", said)
    if code == 0 or sentence is None:
        silent = f"a suite that was run without a {service} does not say so: {shortened(said, 400)}"
        raise NotMet(VerdictClass.UNGUARDED.says(silent))
    return shortened(sentence[0])


def names_unreachable(bed: Testbed, service: str) -> str:
    """Check that a preflight with an unreachable service, or a wrong key, names it in one message; return that."""
    environment = _with_wrong(bed.environment, service)
    try:
        preflight(environment, _SHORT)
    except PreflightFailed as error:
        message = _one_sentence(str(error), _WORDS.get(service, service))
        password = urlsplit(bed.environment.database_url).password
        if (password and password in message) or (environment.render and environment.render.api_key in message):
            raise NotMet(VerdictClass.LEAKED_SECRET.says("the message shows a credential")) from None
        return message
    raise NotMet(VerdictClass.UNGUARDED.says(f"the preflight passed with a {service} that can't be used"))


def refuses_same_instance(bed: Testbed) -> str:
    """Check that a preflight refuses one instance under two addresses; return its message."""
    primary = bed.environment.primary_url
    other = primary.replace("127.0.0.1", "localhost") if "127.0.0.1" in primary else primary
    try:
        preflight(replace(bed.environment, replica_url=other), _SHORT)
    except PreflightFailed as error:
        return _one_sentence(str(error), "the same")
    raise NotMet(VerdictClass.UNGUARDED.says("the preflight passed with one instance as primary and as replica"))


def waits(bed: Testbed, late: timedelta) -> str:
    """Check that a preflight waits for a replica that begins to answer late; return how long it took, in words."""
    if urlsplit(bed.environment.replica_url).scheme != "http":
        raise NotTested("a late service can only be imitated for an http:// address")
    begin = time.monotonic()
    with _late_forwarder(bed.environment.replica_url, late) as url:
        try:
            preflight(replace(bed.environment, replica_url=url), late + timedelta(seconds=30))
        except PreflightFailed as error:
            hasty = f"a service that began to answer after {duration(late)} was not waited for: {error}"
            raise NotMet(VerdictClass.UNGUARDED.says(hasty)) from None
    took = time.monotonic() - begin
    if took < late.total_seconds():
        raise CouldNotObserve("the preflight passed before the late service could answer, so it has not used it")
    return f"a service that was {duration(late)} late was waited for ({duration(took)} in all)"


def _with_wrong(environment: Environment, service: str) -> Environment:
    if service not in SERVICES:
        raise CouldNotObserve(f"{service} is no service of a preflight; {listing(SERVICES, 9)} are")
    nowhere = f"127.0.0.1:{unused_port()}"
    if service == "database":
        parts = urlsplit(environment.database_url)
        account = parts.netloc.rpartition("@")[0]
        return replace(environment, database_url=parts._replace(netloc=f"{account}@{nowhere}").geturl())
    if service in ("key", "control plane"):
        if environment.render is None:
            reason = environment.absent.get("render", f"the environment {environment.name} has no control plane")
            raise NotTested(reason)
        if service == "control plane":
            return replace(environment, render=replace(environment.render, api_url=f"http://{nowhere}"))
        return replace(environment, render=replace(environment.render, api_key="rnd_00000000000000000000"))
    if service == "balancer":
        return replace(environment, balancer_url=f"http://{nowhere}")
    if service == "primary":
        return replace(environment, primary_url=f"http://{nowhere}")
    return replace(environment, replica_url=f"http://{nowhere}")


def _one_sentence(message: str, word: str) -> str:
    if "\n" in message or word not in message:
        raise NotMet(VerdictClass.UNGUARDED.says(f"the message is not one sentence that names {word}: {message}"))
    return message


@contextmanager
def _late_forwarder(url: str, late: timedelta) -> Iterator[str]:
    """Give an address where nothing listens at first, and a server's own answers come later."""
    parts = urlsplit(url)
    target = (parts.hostname or "", parts.port or 80)
    port = unused_port()
    ended = threading.Event()
    thread = threading.Thread(target=_forward, args=(port, target, late, ended), daemon=True, name="late service")
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        ended.set()
        thread.join()


def _forward(port: int, target: tuple[str, int], late: timedelta, ended: threading.Event) -> None:
    if ended.wait(late.total_seconds()):
        return
    with socket.create_server(("127.0.0.1", port)) as server:
        server.settimeout(0.05)
        while not ended.is_set():
            with suppress(TimeoutError):  # nobody has called meanwhile
                client, _ = server.accept()
                there = socket.create_connection(target, timeout=5)
                for source, sink in ((client, there), (there, client)):
                    threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):  # one side is gone, and so is the connection
        while data := source.recv(65536):
            sink.sendall(data)
    for one in (source, sink):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
