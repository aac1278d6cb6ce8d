"""Where check keywords leave what they measured: in the metadata of the running test.

The sign-off page reads it from there. It is not a Robot Framework library.
"""

from __future__ import annotations

from robot.api import logger
from robot.libraries.BuiltIn import BuiltIn
from robot.running.context import EXECUTION_CONTEXTS

from signoff.secrets import redact

SEPARATOR = "; "


def record(*, measured: str = "", limit: str = "", evidence: str = "") -> None:
    """Add to the running test's Measured, Limit and Evidence, and to the log.

    Args:
        measured: what was seen, with its unit: "failover 640 ms at most, in 5 repeats".
        limit: what it was held to: "failover max 1 s (contract 60 s)".
        evidence: how much was looked at: "50 documents on the primary".

    Each is added once. Outside of a test (in a suite's setup or teardown) it is only logged.
    """
    for name, value in (("Measured", measured), ("Limit", limit), ("Evidence", evidence)):
        if not value:
            continue
        text = redact(value)
        logger.info(f"{name}: {text}")
        context = EXECUTION_CONTEXTS.current
        if context is None or context.test is None:
            continue
        builtin = BuiltIn()
        present = str(builtin.get_variable_value("${TEST METADATA}", {}).get(name, ""))
        if text not in present.split(SEPARATOR):
            builtin.set_test_metadata(name, text, append=bool(present), separator=SEPARATOR)
