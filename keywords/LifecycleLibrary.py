"""What tests leave behind, seen on small suites that are really run."""

from __future__ import annotations

from robot.api.deco import keyword, library

from evidence import record
from signoff.checks import interruption, lifecycle
from signoff.testbed import current


@library(scope="GLOBAL", version="1.0", doc_format="ROBOT", auto_keywords=False)
class LifecycleLibrary:
    """Runs the suites of ``resources/lifecycle`` in processes of their own, on a deployment of the test's own, and
    looks at both instances, the mapping and the log afterwards."""

    @keyword(tags=["Check", "Wait"])
    def passed_test_should_leave_nothing(self) -> None:
        """Checks that nothing is left of a passed test: no collection, no mapping, nothing owed, nothing unfinished.

        The rows of what has happened stay in the logs.
        """
        record(measured=lifecycle.passed_leaves_nothing(current()))

    @keyword(tags=["Wait"])
    def wait_to_be_interrupted(self) -> None:
        """Waits until somebody ends this run, for a suite that is run to be interrupted; fails if nobody does."""
        interruption.wait_for_it()

    @keyword(tags=["Check", "Wait"])
    def failed_test_should_keep_its_data(self) -> None:
        """Checks that a failed test keeps its collection on both instances, mapped and logged, that it says where that
        is and how to remove it, that a passed test beside it leaves nothing, and that a purge removes what was kept."""
        record(measured=lifecycle.failed_keeps_everything(current()))
