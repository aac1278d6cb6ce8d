"""Lies in the checkers themselves: a pytest plugin that plants one, so that the project's own tests have to fail.

Each is one that a script of this trade has really told. ``pytest -p planted_lies`` plants the one that the environment
variable LIE names, before any test is collected.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from signoff import outcomes
from signoff.checkers import convergence, judging, mapping, outages, receipts, values
from signoff.checkers.findings import Checked, Finding
from signoff.checkers.view import View
from signoff.clients import instances
from signoff.documents import Document
from signoff.history import History
from signoff.report import judgement
from signoff.verdict import Outcome, VerdictClass


def a_400_is_no_documents() -> None:
    honest = instances.Instance._page

    def page(self: instances.Instance, reference: str, query: Any) -> list[Document]:
        try:
            return honest(self, reference, query)
        except instances.CouldNotObserve as error:
            if " with 400" in error.sentence:
                return []
            raise

    instances.Instance._page = page  # type: ignore[method-assign]


def a_404_is_no_documents() -> None:
    honest = instances.Instance._page

    def page(self: instances.Instance, reference: str, query: Any) -> list[Document]:
        try:
            return honest(self, reference, query)
        except instances.CouldNotObserve as error:
            if " with 404" in error.sentence:
                return []
            raise

    instances.Instance._page = page  # type: ignore[method-assign]


def the_first_page_is_all() -> None:
    honest = instances.Instance._pages

    def pages(self: instances.Instance, uuid: str) -> Any:
        yield next(honest(self, uuid))

    instances.Instance._pages = pages  # type: ignore[method-assign]
    instances.Instance.count_by_reference = lambda self, uuid: len(next(honest(self, uuid)))  # type: ignore[method-assign]


def ids_must_be_equal() -> None:
    honest = mapping.check

    def check(view: View) -> Checked:
        checked = honest(view)
        unequal = [row for row in (view.history.mappings[-1].rows if view.history.mappings else ()) if row[1] != row[2]]
        wrong = tuple(Finding(VerdictClass.BAD_MAPPING, f"{row[0]} has two ids") for row in unequal)
        return Checked((*checked.findings, *wrong), checked.gaps)

    _replace("mapping", check)


def a_deleted_collection_is_missing() -> None:
    honest = convergence.check

    def check(view: View) -> Checked:
        checked = honest(view)
        gone = [read for read in view.finals.values() if not read.found]
        wrong = tuple(Finding(VerdictClass.LOST, f"{read.collection} is missing") for read in gone)
        return Checked((*checked.findings, *wrong), checked.gaps)

    _replace("convergence", check)


def nothing_pending_is_in_sync() -> None:
    honest = convergence.check

    def check(view: View) -> Checked:
        owed = [sample.owed for sample in view.history.gauges if sample.owed is not None]
        return Checked() if owed[-1:] == [0] else honest(view)

    _replace("convergence", check)


def a_timeout_is_a_success() -> None:
    honest = outcomes.effect_of

    def effect_of(answer: Any) -> outcomes.Effect:
        return outcomes.Effect.DONE if isinstance(answer, outcomes.NoAnswer) else honest(answer)

    from signoff.checkers import classification

    outcomes.effect_of = effect_of
    classification.effect_of = effect_of


def only_one_instance_is_asked() -> None:
    honest = View.finals.func

    def finals(self: View) -> Any:
        own = honest(self)
        return {(name, role): own.get((name, judging_role), read) for (name, role), read in own.items()}

    from signoff.data_types import Role

    judging_role = Role.PRIMARY
    View.finals.func = finals


def eighty_percent_is_enough() -> None:
    honest = values.check

    def check(view: View, explained: Any = frozenset()) -> Checked:
        checked = honest(view, explained)
        return Checked() if len(checked.findings) <= 0.2 * len(view.registers) else checked

    values.check = check
    _replace("convergence", lambda view: Checked())


def counts_are_enough() -> None:
    def check(view: View, explained: Any = frozenset()) -> Checked:
        wrong = []
        for (name, role), read in view.finals.items():
            expected = sum(
                view.allowed(register) != {None}
                for register in view.registers
                if register.collection == name and register.document
            )
            if len(read.documents) != expected:
                wrong.append(Finding(VerdictClass.LOST, f"{len(read.documents)} instead of {expected} on {role.value}"))
        return Checked(tuple(wrong))

    values.check = check
    _replace("convergence", lambda view: Checked())


def no_refusal_is_no_problem() -> None:
    honest = receipts.check

    def check(view: View) -> Checked:
        checked = honest(view)
        return Checked(checked.findings, (), checked.explained, checked.resubmit)

    receipts.check = check


def an_old_row_is_this_runs() -> None:
    def rows(self: View) -> Any:
        found: dict[str, list[Any]] = {}
        for row in self.history.log_rows:
            found.setdefault(row.operation, []).append(row)
        return found

    View.rows.func = rows


def a_fault_needs_no_proof() -> None:
    honest = outages._outage

    def outage(history: History, events: Any) -> outages.Outage:
        one = honest(history, events)
        return outages.Outage(**{**{f: getattr(one, f) for f in one.__dataclass_fields__}, "problem": ""})

    outages._outage = outage


def empty_equals_empty() -> None:
    from signoff.checkers import collateral

    honest = collateral.check
    _replace("collateral", lambda view: Checked(honest(view).findings))


def a_checker_that_crashed_has_passed() -> None:
    def guarded(name: str, check: Callable[[], Checked]) -> Checked:
        try:
            return check()
        except Exception:  # noqa: BLE001 (this is the lie)
            return Checked()

    judging._guarded = guarded


def a_skip_is_a_pass() -> None:
    honest = judgement._outcome_of

    def outcome_of(test: judgement.ReportedTest) -> tuple[Outcome, str]:
        return (Outcome.MET, "") if test.status == "SKIP" else honest(test)

    judgement._outcome_of = outcome_of


def a_test_that_checked_nothing_is_a_pass() -> None:
    honest = judgement._outcome_of

    def outcome_of(test: judgement.ReportedTest) -> tuple[Outcome, str]:
        return (Outcome.MET, "") if test.status == "PASS" else honest(test)

    judgement._outcome_of = outcome_of


def an_accepted_risk_hides_a_failure() -> None:
    def standing(risk: Any, outcome: Outcome, today: Any) -> Any:
        return judgement.Standing.IN_FORCE if risk else None

    judgement._standing = standing


def an_accepted_risk_never_ends() -> None:
    from signoff.report.accepted_risks import AcceptedRisk

    AcceptedRisk.is_past = lambda self, today: False  # type: ignore[method-assign]


def an_accepted_risk_is_met() -> None:
    honest = judgement._row

    def row(requirement: Any, tests: Any, risk: Any, today: Any) -> judgement.Row:
        one = honest(requirement, tests, risk, today)
        return judgement.Row(requirement, Outcome.MET, "", one.tests) if one.accepted else one

    judgement._row = row


def a_pid_is_a_process() -> None:
    """A leftover process with the pid is taken for the one that was meant."""
    from signoff.faults import local_processes

    honest = local_processes.is_alive

    def is_alive(process: local_processes.ProcessId) -> bool:
        return honest(process) or local_processes.identity(process.pid) is not None

    local_processes.is_alive = is_alive


def _replace(name: str, check: Callable[[View], Checked]) -> None:
    judging._CHECKS = tuple((subject, own, check if own == name else was) for subject, own, was in judging._CHECKS)


LIES: dict[str, Callable[[], None]] = {
    lie.__name__: lie
    for lie in (
        *(a_400_is_no_documents, a_404_is_no_documents, the_first_page_is_all, ids_must_be_equal),
        *(a_deleted_collection_is_missing, nothing_pending_is_in_sync, a_timeout_is_a_success),
        *(only_one_instance_is_asked, eighty_percent_is_enough, counts_are_enough, no_refusal_is_no_problem),
        *(an_old_row_is_this_runs, a_fault_needs_no_proof, empty_equals_empty, a_checker_that_crashed_has_passed),
        *(a_skip_is_a_pass, a_test_that_checked_nothing_is_a_pass, a_pid_is_a_process),
        *(an_accepted_risk_hides_a_failure, an_accepted_risk_never_ends, an_accepted_risk_is_met),
    )
}

if name := os.environ.get("LIE"):
    LIES[name]()
