"""Robot Framework's output.xml, read into plain data.

This is the one module of the report that imports Robot Framework, and only its result model
(``robot.api.ExecutionResult``): everything after it works on dataclasses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robot.api import ExecutionResult

from ..secrets import redact
from .judgement import ReportedTest

# Libraries whose "… Should …" keywords state a misbehaviour by failing, although their message doesn't say so.
# Anything else that fails without stating an outcome is a fault of the kit.
PLAIN_CHECKERS = frozenset({"BuiltIn", "Collections", "String", "RequestsLibrary"})


class UnreadableResults(Exception):
    """There is no usable output.xml; the message is one sentence."""


@dataclass(frozen=True)
class Results:
    """Everything that the page needs of an output.xml."""

    tests: tuple[ReportedTest, ...] = ()
    errors: tuple[str, ...] = ()


def read_results(path: Path) -> Results:
    """Read an output.xml.

    Args:
        path: the file, as written by robot, or by pabot after its merge.

    Raises:
        UnreadableResults: if it is missing, empty, not XML, not a result, or a result without a test.
    """
    if not path.is_file():
        raise UnreadableResults(f"There is no {path.name}, so no test has reported.")
    try:
        result = ExecutionResult(str(path))
    except Exception as error:  # noqa: BLE001 - a broken file makes Robot stumble in many ways
        reason = " ".join(str(error).split())
        raise UnreadableResults(f"{path.name} can't be read ({reason}), so no test counts as reported.") from None
    tests = tuple(_test(test) for test in result.suite.all_tests)
    if not tests:
        raise UnreadableResults(f"{path.name} holds no test, so no test has reported.")
    errors = dict.fromkeys(redact(str(message.message)) for message in result.errors if message.level == "ERROR")
    return Results(tests, tuple(errors))


def _test(test: Any) -> ReportedTest:
    return ReportedTest(
        id=test.id,
        name=test.name,
        suite=test.parent.full_name,
        status=test.status,
        message=redact(test.message),
        seconds=test.elapsed_time.total_seconds(),
        metadata={name: redact(value) for name, value in test.metadata.items()},
        checks=sum(1 for keyword in _leaves(test.body) if keyword.status == "PASS" and _is_check(keyword)),
        plain_check_failed=any(map(_is_plain_check, _failing_leaves(_body_and_teardown(test)))),
    )


def _body_and_teardown(test: Any) -> list[Any]:
    # A setup establishes the premise: what fails there says nothing about the requirement.
    return [*test.body, test.teardown] if test.has_teardown else list(test.body)


def _leaves(items: Iterable[Any]) -> Iterator[Any]:
    """Yield the keywords that call no other keyword: only these can look at the deployment.

    A sentence such as "Nothing Should Be Lost" with an empty body must not count as a check. The exception is a
    keyword that expects an error: it judges what it calls.
    """
    for item in items:
        children = [child for child in getattr(item, "body", ()) if child.type != "MESSAGE"]
        if children and not _expects_error(item):
            yield from _leaves(children)
        elif hasattr(item, "full_name"):
            yield item


def _expects_error(item: Any) -> bool:
    return getattr(item, "full_name", "") == "BuiltIn.Run Keyword And Expect Error"


def _is_check(keyword: Any) -> bool:
    if "check" in keyword.tags or _expects_error(keyword):
        return True
    # Our own libraries tag what they check. One that only waits ("Deployment Should Be Steady") is a premise.
    return "wait" not in keyword.tags and "should" in keyword.name.lower().split()


def _failing_leaves(items: Iterable[Any]) -> Iterator[Any]:
    """Yield the keywords that made a test fail, following failures only: what was caught above doesn't count."""
    for item in items:
        if getattr(item, "status", "") != "FAIL":
            continue
        body = getattr(item, "body", ())
        if item.type == "TRY/EXCEPT ROOT" and any(part.type == "EXCEPT" and part.status != "NOT RUN" for part in body):
            body = [part for part in body if part.type != "TRY"]  # its failure was caught
        failing = list(_failing_leaves(body))
        if failing:
            yield from failing
        elif hasattr(item, "full_name"):
            yield item


def _is_plain_check(keyword: Any) -> bool:
    return keyword.owner in PLAIN_CHECKERS and "should" in keyword.name.lower().split()
