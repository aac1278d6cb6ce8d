"""Distributed sync: what is owed is cut into tasks without a gap, each carried out once, by a worker that lives."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from ..clients.database import Database, SyncTask, SyncWorker
from ..faults import control_plane, processes
from ..polling import poll
from ..testbed import Testbed
from ..traffic import Sample, Sampler
from ..verdict import CouldNotObserve, NotMet, NotTested, VerdictClass, summed_up
from ..words import count, duration, listing

Seen = TypeVar("Seen")

STATES = ("pending", "processing", "completed", "failed")
OPEN = ("pending", "processing")
_LOOK = timedelta(milliseconds=5)
_MOVES = 3
"""How often a heartbeat has to move, at least, in the time in which one may be old."""
_REPLICA = "replica"


def require_distributed(bed: Testbed) -> None:
    """Make sure that the deployment says that it syncs by workers, and has at least one.

    Raises:
        NotTested: if it doesn't.
    """
    mode = bed.balancer.status().mode
    if mode != "distributed":
        raise NotTested(f"the deployment's status says mode {mode}, so it has no coordinator and no workers")
    if not active(bed.database.sync_workers()):
        raise NotTested("the deployment's status says mode distributed, and no worker is active")


# ---------------------------------------------------------------- tasks, judged by their rows alone


def cut_badly(tasks: Sequence[SyncTask], documents: int, size: int) -> list[str]:
    """Return what is wrong with how owed documents were cut, in words with their classes.

    Args:
        tasks: of one collection and one target, oldest first.
        documents: how many were owed.
        size: how many a task has, at most.
    """
    found = []
    end = 0
    for task in tasks:
        start, ends = task.chunk_start_offset, task.chunk_end_offset
        if start > end:
            found.append(VerdictClass.LOST.says(f"documents {end} to {start - 1} are in no task"))
        elif start < end:
            found.append(VerdictClass.DUPLICATED.says(f"documents {start} to {min(end, ends) - 1} are in two tasks"))
        if not 0 < ends - start <= size:
            large = f"task {task.id} has {count(ends - start, 'document')}, and a chunk has 1 to {size:,}"
            found.append(VerdictClass.IGNORED_SETTING.says(large))
        end = max(end, ends)
    if end < documents:
        found.append(VerdictClass.LOST.says(f"documents {end} to {documents - 1} are in no task"))
    elif end > documents:
        beyond = f"the tasks reach to document {end - 1}, and {documents:,} were owed"
        found.append(VerdictClass.PHANTOM.says(beyond))
    wanted = -(-documents // size)
    if len(tasks) != wanted and not found:
        found.append(VerdictClass.IGNORED_SETTING.says(f"{count(len(tasks), 'task')} instead of {wanted}"))
    return found


def not_done(tasks: Sequence[SyncTask], known: Sequence[str]) -> list[str]:
    """Return what is wrong with who carried tasks out, in words with their classes.

    Args:
        known: the ids of all workers that have ever reported.
    """
    found = []
    for task in tasks:
        if task.task_status != "completed":
            found.append(VerdictClass.STUCK.says(f"task {task.id} is {task.task_status}"))
        elif task.worker_id is None:
            found.append(VerdictClass.FALSE_RECEIPT.says(f"task {task.id} is completed, and by no worker"))
        elif task.worker_id not in known:
            strange = f"task {task.id} was carried out by {task.worker_id}, which no worker is called"
            found.append(VerdictClass.FALSE_RECEIPT.says(strange))
    return found


def given_again(tasks: Sequence[SyncTask]) -> list[str]:
    """Return which tasks were given to another worker, although none was stopped, in words with their classes."""
    return [
        VerdictClass.DUPLICATED.says(f"task {task.id} was given out again {count(task.retry_count, 'time')}")
        for task in tasks
        if task.retry_count
    ]


def out_of_order(tasks: Sequence[SyncTask]) -> list[str]:
    """Return which tasks have a state that there is none of, or times that contradict it or each other.

    It is said in words with their classes.
    """
    found = []
    for task in tasks:
        if task.task_status not in STATES:
            unknown = f"task {task.id} is {task.task_status}; there are only {listing(STATES, 4)}"
            found.append(VerdictClass.BAD_SCHEMA.says(unknown))
        times = [task.created_at, task.started_at, task.completed_at]
        known = [moment for moment in times if moment is not None]
        if known != sorted(known):
            found.append(VerdictClass.FALSE_RECEIPT.says(f"the times of task {task.id} are out of order"))
        if task.task_status in ("processing", "completed") and task.started_at is None:
            unstarted = f"task {task.id} is {task.task_status}, and was never started"
            found.append(VerdictClass.FALSE_RECEIPT.says(unstarted))
        if (task.task_status == "completed") is not (task.completed_at is not None) and task.task_status != "failed":
            ended = "has" if task.completed_at is not None else "has no"
            timeless = f"task {task.id} is {task.task_status}, and {ended} time of completion"
            found.append(VerdictClass.FALSE_RECEIPT.says(timeless))
    return found


def twice_done(looks: Sequence[Sequence[SyncTask]]) -> list[str]:
    """Return which tasks were seen open again after they were completed, or completed by two workers.

    Args:
        looks: the tasks at one moment after another.
    """
    found: dict[str, None] = {}
    done: dict[int, tuple[str | None, datetime | None]] = {}
    for look in looks:
        for task in look:
            if task.id in done and task.task_status != "completed":
                again = f"task {task.id} was completed, and is {task.task_status} again"
                found[VerdictClass.DUPLICATED.says(again)] = None
            elif task.id in done and (task.worker_id, task.completed_at) != done[task.id]:
                twice = f"task {task.id} was completed twice, by {done[task.id][0]} and by {task.worker_id}"
                found[VerdictClass.DUPLICATED.says(twice)] = None
            elif task.task_status == "completed":
                done[task.id] = (task.worker_id, task.completed_at)
    return list(found)


# ---------------------------------------------------------------- workers, judged by their rows alone


def active(workers: Sequence[SyncWorker]) -> list[SyncWorker]:
    """Return the workers that are called active."""
    return [worker for worker in workers if worker.worker_status == "active"]


def unheard(looks: Sequence[Sequence[SyncWorker]], most: timedelta) -> list[str]:
    """Return which active workers are not heard as they should be, in words with their classes.

    Args:
        looks: the workers at one moment after another; long enough for heartbeats to be due.
        most: how old a heartbeat may be.
    """
    found: dict[str, None] = {}
    beats: dict[str, list[datetime]] = {}
    for look in looks:
        if not active(look):
            found[VerdictClass.UNAVAILABLE.says("there was no active worker")] = None
        for worker in active(look):
            beats.setdefault(worker.worker_id, []).append(worker.last_heartbeat)
            if worker.age > most.total_seconds():
                old = f"{worker.worker_id} is active, and its heartbeat is {duration(worker.age)} old"
                found[VerdictClass.LYING_STATUS.says(old)] = None
    for name, seen in beats.items():
        if seen != sorted(seen):
            found[VerdictClass.LYING_STATUS.says(f"the heartbeat of {name} went backwards")] = None
        elif len(seen) > 1 and (moves := len(set(seen)) - 1) < _MOVES:
            still = f"the heartbeat of {name} " + (f"moved only {count(moves, 'time')}" if moves else "did not move")
            found[VerdictClass.LYING_STATUS.says(still)] = None
    return list(found)


# ---------------------------------------------------------------- on a deployment


def well_cut(bed: Testbed, watch: TaskWatch, documents: int, number: int) -> str:
    """Check that owed documents of a collection were cut into full tasks, each carried out once by a known worker.

    Args:
        watch: has seen the tasks from before the first one on.
        number: how many tasks that makes.

    Raises:
        NotMet: if not.
        CouldNotObserve: if the chunk size of the environment makes another number.
    """
    size = bed.environment.settings.sync_chunk_size
    if -(-documents // size) != number:
        raise CouldNotObserve(f"{documents:,} documents in chunks of {size:,} don't make {count(number, 'task')}")
    looks = watch.end()
    tasks = looks[-1]
    found = cut_badly(tasks, documents, size) + given_again(tasks) + twice_done(looks)
    found += not_done(tasks, [worker.worker_id for worker in bed.database.sync_workers()])
    found += [
        VerdictClass.CROSSED.says(f"task {task.id} is for the {task.target_instance}")
        for task in tasks
        if not _for_replica(bed, task)
    ]
    if found:
        raise NotMet(f"of {documents:,} owed documents: {summed_up(found)}")
    workers = {task.worker_id for task in tasks}
    return (
        f"{documents:,} documents in {count(len(tasks), 'task')} of at most {size:,} by "
        f"{count(len(workers), 'worker')}, none given out again"
    )


def _for_replica(bed: Testbed, task: SyncTask) -> bool:
    return task.target_instance == bed.environment.dialect.instances[_REPLICA]


def _ended(bed: Testbed, name: str) -> list[SyncTask]:
    """Return the tasks of a collection when all of them have ended.

    Raises:
        NotMet: if one is stuck, or nothing was cut into tasks at all.
    """
    bed.tracked(name)
    tasks = poll(
        lambda: bed.database.sync_tasks(name),
        lambda tasks: not any(task.task_status in OPEN for task in tasks),
        within=bed.environment.limits.sync_lag_max,
        what=f"Each task of {name} has ended",
        describe=lambda tasks: listing([f"task {task.id} {task.task_status}" for task in tasks]),
        verdict=VerdictClass.STUCK,
    )
    if not tasks:
        raise NotMet(VerdictClass.LOST.says(f"what was owed of {name} was never cut into tasks"))
    return tasks


class TaskWatch:
    """Watches the tasks of a collection, so that states that pass are seen.

    Args:
        name: the collection.
    """

    def __init__(self, bed: Testbed, name: str) -> None:
        self._bed, self._name = bed, name
        # A session of its own: it looks while the test asks the database other things.
        self._database = Database(bed.environment.database_url, bed.environment.dialect.sql)
        self._sampler: Sampler[list[SyncTask]] = Sampler(lambda: self._database.sync_tasks(name), _LOOK).start()

    def end(self) -> list[list[SyncTask]]:
        """Return what was seen, look by look; with one more look at the end."""
        _ended(self._bed, self._name)
        return _values(self._sampler.stop(last_look=True))

    def workers(self) -> list[str]:
        """Return the ids of all workers that have ever reported."""
        return [worker.worker_id for worker in self._database.sync_workers()]

    def drop(self) -> None:
        """Stop watching."""
        self._sampler.stop()
        self._database.close()


def _values(samples: Sequence[Sample[Seen]]) -> list[Seen]:
    return [sample.value for sample in samples if sample.value is not None]


def in_order(watch: TaskWatch) -> str:
    """Check that tasks went through the four states only, in order of time, and that each was completed, once.

    Raises:
        NotMet: if not.
        CouldNotObserve: if no task was ever seen at work.
    """
    looks = watch.end()
    found = dict.fromkeys(problem for look in looks for problem in out_of_order(look))
    found |= dict.fromkeys(twice_done(looks))
    found |= dict.fromkeys(not_done(looks[-1], watch.workers()))
    if found:
        raise NotMet(summed_up(list(found)))
    seen = {task.task_status for look in looks for task in look}
    if "processing" not in seen:
        raise CouldNotObserve("no task was ever seen at work, so its states show nothing")
    return f"{count(len(looks[-1]), 'task')} in {count(len(looks), 'look')}, states {listing(sorted(seen), 4)}"


def heard(bed: Testbed) -> str:
    """Watch the workers for as long as a heartbeat may be old; each active one has to be heard meanwhile.

    Raises:
        NotMet: if one isn't, or there is none.
    """
    most = bed.environment.limits.heartbeat_max
    sampler: Sampler[list[SyncWorker]] = Sampler(bed.database.sync_workers).start()
    try:
        # Nothing is waited for: heartbeats have to come by themselves.
        time.sleep(most.total_seconds())
    finally:
        looks = _values(sampler.stop(last_look=True))
    if not looks:
        raise CouldNotObserve("the workers could not be looked at")
    if found := unheard(looks, most):
        raise NotMet(summed_up(found))
    oldest = max(worker.age for look in looks for worker in active(look))
    return f"{count(len(active(looks[-1])), 'worker')} active, no heartbeat older than {duration(oldest)}"


@dataclass(frozen=True)
class Struck:
    """A worker that was stopped at its task.

    Attributes:
        at: when, on the monotonic clock.
    """

    worker: str
    task: SyncTask
    at: float


def strike(bed: Testbed, name: str, *, freeze: bool) -> Struck:
    """Resume the replica, wait until a worker is at a task of a collection, and kill or freeze that worker.

    Raises:
        CouldNotObserve: if no worker is ever seen at a task, or the task was over before the worker was stopped.
    """
    spare = {worker.worker_id for worker in active(bed.database.sync_workers())}
    if len(spare) < 2:
        raise NotTested("a task can only be taken over if there is another worker, and there is one at most")
    control_plane.resume(bed, _REPLICA)
    deadline = time.monotonic() + bed.environment.limits.recovery_max.total_seconds()
    while not (found := [task for task in bed.database.sync_tasks(name) if task.task_status == "processing"]):
        if time.monotonic() > deadline:
            raise CouldNotObserve(f"no worker was seen at a task of {name}")
        time.sleep(_LOOK.total_seconds())  # between two looks for the moment
    worker = str(found[0].worker_id)
    (processes.freeze if freeze else processes.kill_for_good)(bed, worker)
    at = time.monotonic()
    (task,) = [task for task in bed.database.sync_tasks(name) if task.id == found[0].id]
    if task.task_status == "completed" and task.worker_id == worker:
        later = [t for t in bed.database.sync_tasks(name) if t.task_status == "processing" and t.worker_id == worker]
        if not later:
            raise CouldNotObserve(f"task {task.id} was over before {worker} was stopped")
        task = later[0]
    return Struck(worker, task, at)


def noticed(bed: Testbed, struck: Struck) -> str:
    """Check that a stopped worker is no longer called active in time.

    Raises:
        NotMet: if it is.
    """
    limit = bed.environment.limits.heartbeat_max
    poll(
        lambda: [worker.worker_id for worker in active(bed.database.sync_workers())],
        lambda names: struck.worker not in names,
        within=limit - timedelta(seconds=min(time.monotonic() - struck.at, limit.total_seconds())),
        what=f"{struck.worker}, which does nothing any more, is not called active",
        describe=lambda names: f"active: {listing(names)}",
        verdict=VerdictClass.LYING_STATUS,
    )
    return f"{struck.worker} not active any more after {duration(time.monotonic() - struck.at)}"


def taken_over(bed: Testbed, name: str, struck: Struck) -> str:
    """Check that the task of a stopped worker was finished by another one.

    Raises:
        NotMet: if not.
    """
    tasks = {task.id: task for task in _ended(bed, name)}
    task = tasks[struck.task.id]
    if task.task_status != "completed":
        left = f"task {task.id}, at which {struck.worker} was stopped, is {task.task_status}"
        raise NotMet(VerdictClass.STUCK.says(left))
    if task.worker_id in (None, struck.worker):
        untrue = f"task {task.id} is called completed by {task.worker_id or 'nobody'}, which was stopped at it"
        raise NotMet(VerdictClass.FALSE_RECEIPT.says(untrue))
    if task.retry_count < 1:
        uncounted = f"task {task.id} was taken over by {task.worker_id}, and its retry_count is {task.retry_count}"
        raise NotMet(VerdictClass.MISCOUNTED.says(uncounted))
    return f"task {task.id} taken over by {task.worker_id}"


def no_tasks(bed: Testbed) -> str:
    """Check that the deployment has no task of distributed sync at all, and says that it needs none.

    Raises:
        NotMet: if it has one, or calls its mode otherwise.
    """
    mode, number = bed.balancer.status().mode, bed.database.all_sync_tasks()
    if mode != "traditional":
        raise NotMet(VerdictClass.IGNORED_SETTING.says(f"the status says mode {mode} instead of traditional"))
    if number:
        there = f"there {'is' if number == 1 else 'are'} {count(number, 'task')} of distributed sync"
        raise NotMet(VerdictClass.IGNORED_SETTING.says(there))
    return "mode traditional, no task"
