"""Faults through the hosting provider's control plane: suspend, resume and restart, proved by direct probes."""

from __future__ import annotations

from robot.api.deco import keyword, library

from evidence import record
from signoff.checks import cost
from signoff.data_types import Role
from signoff.faults import control_plane
from signoff.faults.undo import replay
from signoff.testbed import current
from signoff.words import duration, listing


@library(scope="GLOBAL", version="1.0", doc_format="ROBOT", auto_keywords=False)
class RenderLibrary:
    """Suspends and resumes the services of a deployment by Render's API, or by the local stack's imitation of it.

    Every fault is written into an undo journal on disk first, then injected, and then proved by asking the instance
    directly. Every undo is proved in the same way, and survives an interrupted run. Faults need the environment's
    permission, and `Use The Deployment Alone`.
    """

    @keyword(tags=["Destructive"])
    def suspend_instance(self, instance: Role) -> None:
        """Suspends the primary or the replica, and proves that it does not answer."""
        took = control_plane.suspend(current(), instance.value)
        record(evidence=f"{instance.value} suspended, and proved to be down after {duration(took)}")

    @keyword(tags=["Destructive"])
    def suspend_both_instances(self) -> None:
        """Suspends the primary and the replica, and proves that neither answers."""
        for role in Role:
            self.suspend_instance(role)

    @keyword(tags=["Action"])
    def resume_instance(self, instance: Role) -> None:
        """Resumes a suspended instance, and proves that it answers."""
        took = control_plane.resume(current(), instance.value)
        record(evidence=f"{instance.value} resumed, and proved to answer after {duration(took)}")

    @keyword(tags=["Action"])
    def resume_everything(self) -> None:
        """Resumes whatever this run has suspended, and proves that it answers; for teardowns."""
        control_plane.resume_everything(current())

    @keyword(tags=["Action"])
    def undo_interrupted_runs(self) -> None:
        """Resumes what earlier runs, which were interrupted, left suspended in this environment."""
        resumed = replay(current().environment)
        if resumed:
            record(evidence=f"resumed what an interrupted run had left suspended: {', '.join(resumed)}")

    @keyword(tags=["Destructive"])
    def restart_instance(self, instance: Role) -> None:
        """Restarts the primary or the replica, and proves that it went away and answers again."""
        took = control_plane.restart(current(), instance.value)
        record(evidence=f"{instance.value} restarted in {duration(took)}")

    @keyword(tags=["Check"])
    def instance_should_be_down(self, instance: Role) -> None:
        """Checks, directly, that an instance does not answer now, so that the premise of a test still holds."""
        control_plane.require_down(current(), instance.value)

    @keyword(tags=["Check", "Wait"])
    def control_plane_should_show(self, instance: Role, *events: str) -> None:
        """Checks that the control plane lists these events of an instance's service, e.g. ``service_suspended``."""
        control_plane.shows_events(current(), instance.value, events)
        record(evidence=f"the control plane shows {', '.join(events)} for the {instance.value}")

    # ---------------------------------------------------------------- cost

    @keyword(tags=["Check"])
    def plans_should_cost_no_more_than_the_budget(self) -> None:
        """Checks that the plans of all services, by ``resources/prices.yaml``, cost no more than MONTHLY_BUDGET.

        The control plane tells each plan and its number of instances. Services that the environment file does not name
        under render.services, disks and traffic are not counted.
        """
        bed = current()
        seen = cost.within_budget(bed)
        record(
            measured=f"{seen.total:g} USD a month ({listing(seen.items, 20)})",
            limit=bed.environment.limits.words("MONTHLY_BUDGET"),
            evidence=f"{len(seen.items)} services counted, those under render.services in {bed.environment.file.name}: "
            f"{listing(seen.roles, 20)}; prices of {seen.as_of}",
        )

    @keyword(tags=["Check"])
    def database_should_fit_its_plan(self) -> None:
        """Checks that the database is smaller than the storage that its plan includes."""
        record(measured=cost.database_fits(current()))
