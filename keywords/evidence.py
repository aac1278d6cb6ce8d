"""Where check keywords leave what they measured: in the metadata of the running test.

The sign-off page reads it from there. It is not a Robot Framework library.
"""

from __future__ import annotations

from pathlib import Path

from robot.api import logger
from robot.libraries.BuiltIn import BuiltIn
from robot.running.context import EXECUTION_CONTEXTS

from signoff.places import RUN_FOLDER
from signoff.secrets import redact

SEPARATOR = "; "


def record(*, measured: str = "", limit: str = "", evidence: str = "", seed: str = "") -> None:
    """Add to the running test's Measured, Limit, Evidence and Seed, and to the log.

    Args:
        measured: what was seen, with its unit: "failover 640 ms at most, in 5 repeats".
        limit: what it was held to: "failover max 1 s (contract 60 s)".
        evidence: how much was looked at: "50 documents on the primary".
        seed: gives the same workload again.

    Each is added once. Outside of a test (in a suite's setup or teardown) it is only logged.
    """
    for name, value in (("Measured", measured), ("Limit", limit), ("Evidence", evidence), ("Seed", seed)):
        if value:
            text = redact(value)
            logger.info(f"{name}: {text}")
            _note(name, text)


def _note(name: str, text: str) -> None:
    context = EXECUTION_CONTEXTS.current
    if context is None or context.test is None:
        return
    builtin = BuiltIn()
    present = str(builtin.get_variable_value("${TEST METADATA}", {}).get(name, ""))
    if text not in present.split(SEPARATOR):
        builtin.set_test_metadata(name, text, append=bool(present), separator=SEPARATOR)


def picture(svg: str, file: Path) -> None:
    """Show a drawing in the log, keep it as a file, and name it to the sign-off page.

    Args:
        svg: the drawing; nothing happens if it is empty.
        file: where to keep it, in the results folder.
    """
    if not svg:
        return
    file.write_text(svg, encoding="utf-8")
    logger.info(svg, html=True)
    _note("Timeline", str(file.relative_to(RUN_FOLDER)))
