"""Faults that need the processes themselves: crashes, freezes, a store that takes no writes, a killed balancer.

Each one is on disk before it is made, is proved by asking the service directly, and so is its end. A frozen service
accepts connections and says nothing; a crashed one refuses them; one that can't write answers its heartbeat all the
same, which is why a heartbeat proves so little.
"""

from __future__ import annotations

import signal
import socket
import struct
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from urllib.parse import urlsplit

from ..clients.wire import NoAnswer, Reply
from ..documents import make_documents, payload
from ..history import FaultKind
from ..polling import poll
from ..testbed import Testbed
from ..traffic import last_alive
from ..verdict import CouldNotObserve, NotMet, VerdictClass
from ..words import listing
from .alert_sink import hear
from .control_plane import resume_everything
from .local_processes import ProcessId, family, is_alive, is_stopped, main_process, open_file, tell
from .locked_store import LockedStore, Refused, StoreLock
from .probing import probe
from .proxies import mend
from .undo import Remedy

_SILENT = timedelta(seconds=1)
"""A live service of this machine answers within a fraction of this, also under load."""
_WITHIN = timedelta(seconds=10)
_BACK_WITHIN = timedelta(seconds=60)
_EVERY = timedelta(milliseconds=20)
_STORE = "chroma.sqlite3"
_DATABASES = "/api/v2/tenants/default_tenant/databases"
_DATABASE = "signoff-probe"
# What makes a PostgreSQL server answer with one byte, before any password.
_POSTGRES_HELLO = struct.pack("!ii", 8, 80877103)
# Those that can be asked over the network; of others it can only be seen whether they are there.
_ANSWERING = ("primary", "replica", "balancer", "postgres")


# ---------------------------------------------------------------- crash


def crash(bed: Testbed, role: str) -> float:
    """Kill an instance as a crash would, keep it down, and prove it; return the seconds that took.

    The stack would start it again after a moment, so it is suspended right behind the kill; :func:`.faults.resume`
    brings it back.

    Raises:
        CouldNotObserve: if the fault can't be proved, or the instance was back in between.
    """
    bed.require_faults()
    _require_whole(bed, role)
    processes = family(main_process(bed.environment, role))
    service = bed.render.service(role)
    bed.ask(role, _SILENT)
    bed.suspended[role] = bed.undo.register(bed.render.url, service.kind, service.id, role)
    begin = time.monotonic()
    probing = probe(bed, role)
    try:
        tell(processes, signal.SIGKILL)
        bed.render.suspend(role)
        _wait(lambda: _refuses(bed, role), f"The crashed {role} refuses connections")
        bed.render.wait_until_suspended(role, True, _WITHIN)
        _wait(lambda: any(sample.value is None for sample in probing.samples()), f"A probe of the {role} fails")
    finally:
        samples = probing.stop()
    _wait(lambda: not any(map(is_alive, processes)), f"No process of the crashed {role} is left")
    if last_alive(samples, begin) - begin > _SILENT.total_seconds() or not _refuses(bed, role):
        raise CouldNotObserve(f"the {role} answered after it was killed, so somebody had started it again")
    bed.faults.proved(FaultKind.CRASH, role, begin, "connections are refused")
    return time.monotonic() - begin


# ---------------------------------------------------------------- freeze


def freeze(bed: Testbed, role: str) -> float:
    """Stop every process of a service without ending it, and prove it; return the seconds that took.

    Raises:
        CouldNotObserve: if it still answers, or no longer accepts connections.
    """
    bed.require_faults()
    _require_whole(bed, role)
    root = main_process(bed.environment, role)
    assert bed.environment.local is not None
    bed.ask(role, _SILENT)
    begin = time.monotonic()
    known: list[ProcessId] = []
    bed.frozen[role] = []
    # The root first: what is stopped starts no others, so there is an end to it.
    while new := [process for process in family(root) if process not in known]:
        entry = bed.undo.register_processes(bed.environment.local.state, role, Remedy.THAW, new)
        bed.frozen[role].append(entry)
        tell(new, signal.SIGSTOP)
        known += new
    _wait(lambda: all(is_stopped(process) for process in known), f"Every process of the {role} is stopped")
    proof = "every process of it is stopped"
    if role in _ANSWERING:
        require_silent(bed, role)
        proof = "a connection is accepted, and nothing is said on it"
    bed.faults.proved(FaultKind.FREEZE, role, begin, proof)
    return time.monotonic() - begin


def thaw(bed: Testbed, role: str) -> float:
    """Let a frozen service go on, and prove that it answers; return the seconds that took."""
    if role not in bed.frozen:
        raise CouldNotObserve(f"the {role} was not frozen by this run")
    begin = time.monotonic()
    for entry in bed.frozen[role]:
        entry.undo()
    _wait(lambda: _answers(bed, role), f"The {role} answers after it was frozen", _BACK_WITHIN)
    for entry in bed.frozen.pop(role):
        bed.undo.resolve(entry)
    bed.faults.restored(role, begin, "a direct probe is answered")
    return time.monotonic() - begin


def require_silent(bed: Testbed, role: str) -> None:
    """Make sure that a frozen service accepts a connection now, and doesn't answer on it.

    Raises:
        CouldNotObserve: if it is otherwise: then the test's premise is gone.
    """
    host, port = _address(bed, role)
    hello = _POSTGRES_HELLO
    if role != "postgres":
        path = "/api/v2/heartbeat" if role != "balancer" else bed.environment.dialect.paths["health"]
        hello = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode()
    try:
        connection = socket.create_connection((host, port), _SILENT.total_seconds())
    except OSError as error:
        raise CouldNotObserve(f"the frozen {role} does not accept connections ({error})") from None
    with connection:
        try:
            connection.sendall(hello)
            answer = connection.recv(1)
        except TimeoutError:
            return
        except OSError:
            answer = b""
    raise CouldNotObserve(f"the frozen {role} {'answers' if answer else 'closes connections'}")


# ---------------------------------------------------------------- a store that takes no writes


def lock_store(bed: Testbed, role: str, refused: Refused) -> float:
    """Lock an instance's store, and prove that it answers its heartbeat and can't write; return the seconds that took.

    A direct write works before, so that its failure afterwards means something. It goes to a database that no client
    of the deployment looks at, and that is removed again.
    """
    bed.require_faults()
    _require_whole(bed, role)
    processes = family(main_process(bed.environment, role))
    assert bed.environment.local is not None
    collection = _probe_collection(bed, role)
    _require_written(bed, role, collection)
    lock = StoreLock(open_file(processes, _STORE), refused)
    entry = bed.undo.register_processes(bed.environment.local.state, role, Remedy.END, [lock.process])
    bed.locked[role] = LockedStore(lock, entry, collection)
    begin = time.monotonic()
    taken_at = lock.take()
    require_unable_to_write(bed, role)
    bed.faults.proved(FaultKind.GRAY, role, taken_at, "the heartbeat is answered, and a direct write is not")
    return time.monotonic() - begin


def unlock_store(bed: Testbed, role: str) -> float:
    """Give the lock back, and prove that the instance writes again; return the seconds that took."""
    if role not in bed.locked:
        raise CouldNotObserve(f"the store of the {role} was not locked by this run")
    begin = time.monotonic()
    locked = bed.locked[role]
    locked.lock.release()
    _wait(lambda: _writes(bed, role, locked.collection) == "", f"The {role} writes again", _BACK_WITHIN)
    bed.undo.resolve(locked.entry)
    del bed.locked[role]
    bed.faults.restored(role, begin, "a direct write is answered")
    took = time.monotonic() - begin
    _remove_probe_collection(bed, role)
    return took


def require_unable_to_write(bed: Testbed, role: str) -> None:
    """Make sure that an instance answers its heartbeat now, and a direct write hangs or fails.

    Raises:
        CouldNotObserve: if it is otherwise: then the test's premise is gone.
    """
    locked = bed.locked.get(role)
    if locked is None:
        raise CouldNotObserve(f"the store of the {role} was not locked by this run")
    bed.instance(role).heartbeat(_SILENT)
    if not _writes(bed, role, locked.collection):
        raise CouldNotObserve(f"the {role} still writes, so the failure that this test needs is not there")
    bed.instance(role).heartbeat(_SILENT)


def works(bed: Testbed, role: str, timeout: timedelta) -> bool:
    """Whether an instance, asked directly, does its work: it answers, and takes a write if its store was locked."""
    locked = bed.locked.get(role)
    if locked is not None:
        return not _writes(bed, role, locked.collection, timeout)
    return _answers(bed, role, timeout)


def takes_writes(bed: Testbed, role: str) -> bool:
    """Whether an instance takes a direct write now, whoever may have locked its store.

    Raises:
        CouldNotObserve: if its store was never locked, so that there is nothing to write to.
    """
    listed = bed.instance(role).wire.get(f"{_DATABASES}/{_DATABASE}/collections").json()
    if not isinstance(listed, list) or not listed:
        raise CouldNotObserve(f"the {role} has no collection for a probe, so its store was never locked")
    return not _writes(bed, role, str(listed[0]["id"]))


def _probe_collection(bed: Testbed, role: str) -> str:
    made = bed.instance(role).wire.call("POST", _DATABASES, payload={"name": _DATABASE})
    if made.status not in (200, 201, 409):
        raise CouldNotObserve(f"the {role} takes no database for a probe: {made.text}")
    body = {"name": "probe", "get_or_create": True}
    reply = bed.instance(role).wire.call("POST", f"{_DATABASES}/{_DATABASE}/collections", payload=body)
    answer = reply.json()
    if reply.status not in (200, 201) or not isinstance(answer, dict) or not isinstance(answer.get("id"), str):
        raise CouldNotObserve(f"the {role} takes no collection for a probe: {reply.text}")
    return str(answer["id"])


def _require_written(bed: Testbed, role: str, collection: str) -> None:
    if problem := _writes(bed, role, collection):
        raise CouldNotObserve(f"the {role} can't write before the fault: {problem}")


def _writes(bed: Testbed, role: str, collection: str, timeout: timedelta = _SILENT) -> str:
    """Write to an instance directly; return why that fails, empty if it doesn't."""
    body = payload(make_documents("probe", 1))
    path = f"{_DATABASES}/{_DATABASE}/collections/{collection}/upsert"
    answer: Reply | NoAnswer
    try:
        answer = bed.instance(role).wire.call("POST", path, payload=body, timeout=timeout)
    except NoAnswer as error:
        return error.why
    return "" if answer.status in (200, 201) else f"it answers {answer.status}"


def _remove_probe_collection(bed: Testbed, role: str) -> None:
    # What had waited for the lock is written now, and the store may be busy with that.
    for path in (f"{_DATABASES}/{_DATABASE}/collections/probe", f"{_DATABASES}/{_DATABASE}"):
        _wait(partial(_removed, bed, role, path), f"The probe's database is removed from the {role}", _BACK_WITHIN)


def _removed(bed: Testbed, role: str, path: str) -> bool:
    return bed.instance(role).wire.call("DELETE", path).status in (200, 204, 404)


# ---------------------------------------------------------------- the balancer


def kill_balancer(bed: Testbed) -> ProcessId:
    """Kill the balancer, and prove that it is gone; return what was killed. The stack starts it again by itself.

    Raises:
        CouldNotObserve: if that can't be proved.
    """
    bed.require_faults()
    _require_whole(bed, "balancer")
    root = main_process(bed.environment, "balancer")
    processes = family(root)
    service = bed.render.service("balancer")
    bed.ask("balancer", _SILENT)
    bed.suspended["balancer"] = bed.undo.register(bed.render.url, service.kind, service.id, "balancer")
    begin = time.monotonic()
    tell(processes, signal.SIGKILL)
    _wait(lambda: _refuses(bed, "balancer"), "The killed balancer refuses connections", every=timedelta(0))
    _wait(lambda: not any(map(is_alive, processes)), "No process of the killed balancer is left")
    bed.faults.proved(FaultKind.CRASH, "balancer", begin, "connections are refused")
    return root


def balancer_back(bed: Testbed, killed: ProcessId, within: timedelta) -> float:
    """Wait until another balancer process answers; return the seconds since the kill.

    Raises:
        NotMet: if there is none in time.
    """
    poll(
        lambda: main_process(bed.environment, "balancer") != killed and _answers(bed, "balancer"),
        bool,
        within=within,
        every=_EVERY,
        since=bed.faults.effective_at,
        what="The killed balancer is up again",
        describe=lambda up: "so" if up else "not so",
        verdict=VerdictClass.SLOW_FAILOVER,
    )
    bed.undo.resolve(bed.suspended.pop("balancer"))
    assert bed.faults.effective_at is not None
    took = time.monotonic() - bed.faults.effective_at
    bed.faults.restored("balancer", time.monotonic() - _EVERY.total_seconds(), "another process of it answers")
    return took


# ---------------------------------------------------------------- services that answer nobody


def kill_for_good(bed: Testbed, role: str) -> float:
    """Kill the monitor or a sync worker, keep it down, and prove that none of its processes is left.

    Args:
        role: "monitor", or a worker's id in its table.

    Returns:
        The seconds that took.

    Raises:
        NotTested: if the environment names no such service.
        CouldNotObserve: if that can't be proved.
    """
    bed.require_faults()
    _require_whole(bed, role)
    processes = family(main_process(bed.environment, role))
    service = bed.render.service(role)
    bed.suspended[role] = bed.undo.register(bed.render.url, service.kind, service.id, role)
    begin = time.monotonic()
    tell(processes, signal.SIGKILL)
    bed.render.suspend(role)
    bed.render.wait_until_suspended(role, True, _WITHIN)
    _wait(lambda: not any(map(is_alive, processes)), f"No process of the killed {role} is left")
    _wait(lambda: not _answers(bed, role), f"No other process of the {role} is there")
    bed.faults.proved(FaultKind.CRASH, role, begin, "it has no process")
    return time.monotonic() - begin


# ---------------------------------------------------------------- all of it


def undo_everything(bed: Testbed) -> None:
    """Undo whatever this run has done to the deployment, and prove it.

    Raises:
        CouldNotObserve: after everything was tried, if something could not be undone.
    """
    jobs: list[Callable[[], object]] = [partial(thaw, bed, role) for role in bed.frozen]
    jobs += [partial(unlock_store, bed, role) for role in bed.locked]
    jobs += [partial(mend, bed, role) for role in bed.poisoned]
    jobs.append(partial(hear, bed))
    jobs.append(partial(resume_everything, bed))
    problems = []
    for job in jobs:
        try:
            job()
        except CouldNotObserve as error:
            problems.append(error.sentence)
    if problems:
        raise CouldNotObserve(listing(problems))


def _require_whole(bed: Testbed, role: str) -> None:
    if role in bed.suspended or role in bed.frozen or role in bed.locked:
        raise CouldNotObserve(f"the {role} has a fault already")


def _address(bed: Testbed, role: str) -> tuple[str, int]:
    urls = {
        "balancer": bed.environment.balancer_url,
        "primary": bed.environment.primary_url,
        "replica": bed.environment.replica_url,
        "postgres": bed.environment.database_url,
    }
    parts = urlsplit(urls[role])
    return parts.hostname or "", parts.port or 0


def _refuses(bed: Testbed, role: str) -> bool:
    """Whether nothing listens at a service's address: the connection is refused, not merely slow."""
    try:
        socket.create_connection(_address(bed, role), _SILENT.total_seconds()).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


def _answers(bed: Testbed, role: str, timeout: timedelta = timedelta(seconds=2)) -> bool:
    try:
        bed.ask(role, timeout)
    except CouldNotObserve:
        return False
    return True


def _wait(condition: Callable[[], bool], what: str, within: timedelta = _WITHIN, every: timedelta = _EVERY) -> None:
    try:
        poll(
            condition,
            bool,
            within=within,
            patient=True,
            every=every,
            what=what,
            describe=lambda held: "so" if held else "not so",
        )
    except NotMet as error:
        raise CouldNotObserve(error.sentence) from None
