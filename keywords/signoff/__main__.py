"""The command line: ``python -m keywords.signoff``, and with ``report``, ``soak`` or ``purge``."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

from .checks.preflight import PreflightFailed
from .environment import BadEnvironment
from .kept import remove_kept
from .leftovers import purge
from .local_stack import StackFailed
from .report.accepted_risks import BadAcceptedRisks
from .report.checklist import BadChecklist
from .report.data import Selection
from .report.folder import BadFolder, ResultsFolder
from .report.proof import BadProof
from .runner.plan import BadSelection
from .runner.run import LOCAL, RESULTS, SUITES, CannotRun, Options, complain, environment_of, report, sign_off
from .runner.soak import TIMES, soak
from .verdict import CouldNotObserve


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one sentence; argparse would print its usage before."""
        raise SystemExit(complain(f"{message[:1].upper()}{message[1:]}; --help lists the options."))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line.

    Args:
        arguments: without the program's name; those of this process by default.

    Returns:
        The exit code: the verdict, or 2 if nothing could be run.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if given[:1] == ["purge"]:
            return _purge(_purge_parser().parse_args(given[1:]).environment or _environment_variable())
        if given[:1] == ["report"]:
            return report(ResultsFolder(_report_parser().parse_args(given[1:]).results.resolve()))
        if given[:1] == ["soak"]:
            values = _soak_parser().parse_args(given[1:])
            return soak(_options_of(values), values.times, _say)
        return sign_off(_options_of(_sign_off_parser().parse_args(given)), say=_say)
    except (
        *(BadAcceptedRisks, BadChecklist, BadEnvironment, BadFolder, BadProof, BadSelection),
        *(CannotRun, CouldNotObserve, PreflightFailed, StackFailed),
    ) as error:
        return complain(str(error))
    except KeyboardInterrupt:
        return complain("Interrupted; nothing was judged.")
    except Exception:  # noqa: BLE001 - a fault of ours must not end with 1, which says that the deployment failed
        traceback.print_exc()
        return 2


def _say(line: str) -> None:
    print(line, flush=True)


def _sign_off_parser() -> _Parser:
    parser = _Parser(
        prog="python -m keywords.signoff",
        allow_abbrev=False,
        description="Sign off a deployment. Exit code: 0 GO, 1 NO-GO, 2 incomplete or not run.",
        epilog="'report' in place of the options makes the page again from an existing results folder; "
        "'purge' deletes what earlier runs left behind or kept; 'soak' signs off several times.",
    )
    _add_options(parser)
    return parser


def _soak_parser() -> _Parser:
    parser = _Parser(
        prog="python -m keywords.signoff soak",
        allow_abbrev=False,
        description="Sign off several times, and say which outcomes differ. Exit code: 0 if every run was GO.",
    )
    parser.add_argument("--times", metavar="N", type=_times, default=TIMES, help=f"how often (default: {TIMES})")
    _add_options(parser)
    return parser


def _add_options(parser: _Parser) -> None:
    add = parser.add_argument
    add("source", metavar="SUITES", nargs="?", type=Path, default=SUITES, help="folder of suites, or one suite file")
    add("--environment", metavar="NAME|PATH", help="what to test (default: $SIGNOFF_ENVIRONMENT, else local)")
    add("--processes", metavar="N", type=_count, default=2, help="suites at the same time (default: 2)")
    add("--together", action="store_true", help="all suites in one process of Robot Framework: a few start sooner so")
    add("--include", metavar="TAG", action="append", default=[], help="only tests with this tag; may be repeated")
    add("--exclude", metavar="TAG", action="append", default=[], help="no tests with this tag; may be repeated")
    add("--suite", metavar="NAME", action="append", default=[], help="only this suite; may be repeated")
    add("--requirement", metavar="ID", action="append", default=[], help="only its tests; may be repeated")
    add("--test", metavar="NAME", action="append", default=[], help="only this test; may be repeated")
    add("--results", metavar="DIR", type=Path, default=RESULTS, help="where everything is written (default: results)")
    add("--wait", metavar="SECONDS", type=_seconds, help="how long a starting service is waited for")


def _options_of(values: argparse.Namespace) -> Options:
    return Options(
        environment=values.environment or _environment_variable(),
        processes=values.processes,
        selection=Selection(
            tuple(values.include),
            tuple(values.exclude),
            tuple(values.suite),
            tuple(values.requirement),
            tuple(values.test),
        ),
        source=values.source,
        results=values.results,
        wait=values.wait,
        together=values.together,
    )


def _report_parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m keywords.signoff report", allow_abbrev=False)
    parser.add_argument("--results", metavar="DIR", type=Path, default=RESULTS)
    return parser


def _purge_parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m keywords.signoff purge", allow_abbrev=False)
    parser.add_argument("--environment", metavar="NAME|PATH", help="where (default: $SIGNOFF_ENVIRONMENT, else local)")
    return parser


def _purge(name: str) -> int:
    # Copies need no deployment, and the local stack that they are of has ended.
    if name == LOCAL and remove_kept(_say) and "SIGNOFF_STACK" not in os.environ:
        return 0
    purge(environment_of(name), _say)
    return 0


def _environment_variable() -> str:
    return os.environ.get("SIGNOFF_ENVIRONMENT") or LOCAL


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 64:
        raise argparse.ArgumentTypeError(f"{text} is not a number of processes from 1 to 64")
    return int(text)


def _times(text: str) -> int:
    if not text.isdecimal() or not 2 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"{text} is not a number of runs from 2 to 1000")
    return int(text)


def _seconds(text: str) -> timedelta:
    try:
        value = timedelta(seconds=float(text))
    except (ValueError, OverflowError):
        value = timedelta(0)
    if value <= timedelta(0):
        raise argparse.ArgumentTypeError(f"{text} is not a positive number of seconds")
    return value


if __name__ == "__main__":
    sys.exit(main())
