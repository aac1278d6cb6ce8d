"""Distributed sync: the tasks that a backlog is cut into, and the workers that carry them out."""

from __future__ import annotations

from robot.api.deco import keyword, library

from evidence import record
from signoff.checks import sync_tasks, traditional
from signoff.checks.sync_tasks import Struck, TaskWatch
from signoff.faults import control_plane, processes
from signoff.testbed import current
from signoff.verdict import CouldNotObserve


@library(scope="GLOBAL", version="1.0", doc_format="ROBOT", auto_keywords=False)
class SyncLibrary:
    """Tasks and workers of distributed sync, as PostgreSQL shows them; a deployment without them is *not tested*.

    Where they stand is in the environment file, under dialect.sql. Workers are stopped by the services that are called
    as the workers are in their table.
    """

    def __init__(self) -> None:
        self._watch: TaskWatch | None = None
        self._struck: Struck | None = None

    @keyword(tags=["Wait"])
    def sync_should_be_distributed(self) -> None:
        """Makes sure that the deployment says it syncs by workers, and has one; else the test is *not tested*."""
        sync_tasks.require_distributed(current())

    # ---------------------------------------------------------------- tasks

    @keyword(tags=["Check", "Wait"])
    def owed_documents_should_be_cut_into_tasks(self, documents: int, tasks: int) -> None:
        """Checks that so many owed documents are in so many full tasks, without a gap or an overlap, each done once.

        `Watch Tasks` has to see them from the beginning; all have to end within the limit SYNC_LAG_MAX, by a known
        worker, and none may have been given out again.
        """
        bed, watch = current(), self._watched()
        try:
            record(
                measured=sync_tasks.well_cut(bed, watch, documents, tasks),
                limit=f"{bed.environment.settings.sync_chunk_size:,} documents a task",
            )
        finally:
            watch.drop()

    @keyword(tags=["Action"])
    def watch_tasks(self, collection: str) -> None:
        """Begins to look at the tasks of a collection again and again, for `Watched Tasks Should Be In Order`."""
        self._watch = TaskWatch(current(), collection)

    @keyword(tags=["Check", "Wait"])
    def watched_tasks_should_be_in_order(self) -> None:
        """Checks that the tasks that were watched had one of the four states at any time, ended, and ended once."""
        watch = self._watched()
        try:
            record(measured=sync_tasks.in_order(watch))
        finally:
            watch.drop()

    def _watched(self) -> TaskWatch:
        watch, self._watch = self._watch, None
        if watch is None:
            raise CouldNotObserve("no tasks were watched; Watch Tasks does that")
        return watch

    # ---------------------------------------------------------------- workers

    @keyword(tags=["Check"])
    def workers_should_be_heard(self) -> None:
        """Checks for as long as HEARTBEAT_MAX that each active worker's heartbeat moves, and is never older."""
        bed = current()
        record(measured=sync_tasks.heard(bed), limit=bed.environment.limits.words("HEARTBEAT_MAX"))

    @keyword(tags=["Destructive"])
    def kill_worker_at_its_task(self, collection: str) -> None:
        """Resumes the replica, and kills the worker that is first seen at a task of the collection; it stays down.

        The replica has to be suspended, and to owe so many documents that a task is seen at work.
        """
        current().require_faults()
        self._struck = sync_tasks.strike(current(), collection, freeze=False)
        record(evidence=f"{self._struck.worker} killed at task {self._struck.task.id}")

    @keyword(tags=["Destructive"])
    def freeze_worker_at_its_task(self, collection: str) -> None:
        """As `Kill Worker At Its Task`, but its processes are only stopped, and can go on later."""
        current().require_faults()
        self._struck = sync_tasks.strike(current(), collection, freeze=True)
        record(evidence=f"{self._struck.worker} frozen at task {self._struck.task.id}")

    @keyword(tags=["Check", "Wait"])
    def stopped_worker_should_be_noticed(self) -> None:
        """Checks that the worker that was stopped is no longer called active within the limit HEARTBEAT_MAX."""
        bed = current()
        measured = sync_tasks.noticed(bed, self._stopped())
        record(measured=measured, limit=bed.environment.limits.words("HEARTBEAT_MAX"))

    @keyword(tags=["Check", "Wait"])
    def another_worker_should_finish_its_task(self, collection: str) -> None:
        """Checks that the task of the stopped worker was completed, by another one."""
        record(measured=sync_tasks.taken_over(current(), collection, self._stopped()))

    @keyword(tags=["Action"])
    def start_stopped_worker_again(self) -> None:
        """Starts a killed worker again, or lets a frozen one go on."""
        bed, worker = current(), self._stopped().worker
        if worker in bed.frozen:
            processes.thaw(bed, worker)
        else:
            control_plane.resume(bed, worker)

    def _stopped(self) -> Struck:
        if self._struck is None:
            raise CouldNotObserve("no worker was stopped; Kill Worker At Its Task does that")
        return self._struck

    # ---------------------------------------------------------------- without workers

    @keyword(tags=["Check"])
    def suites_should_hold_with_traditional_sync(self) -> None:
        """Checks on the deployment of this test's own that what holds with workers is met there as well.

        The suites of documents, of the write-ahead log and of the primary's outage are really run, and judged as for
        the page.
        """
        record(measured=traditional.holds(current()))

    @keyword(tags=["Check"])
    def no_tasks_should_exist(self) -> None:
        """Checks that the deployment calls its mode traditional, and has no task of distributed sync."""
        record(evidence=sync_tasks.no_tasks(current()))
