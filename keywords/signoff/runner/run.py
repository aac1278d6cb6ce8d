"""The main job: plan, bring up what is tested, look at it, run the suites, judge, and say the verdict.

A thin shell around :mod:`.plan`, :mod:`.workers` and :mod:`.report`. Whatever happens on the way, what was started is
stopped; and once the plan is made, a page is written that says what is known.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ..checks.preflight import preflight, usual_wait
from ..environment import Environment, load_environment
from ..faults.undo import out_of_reach, replay
from ..kept import kept_folders
from ..leftovers import PURGE, leftovers, removal, told
from ..local_stack import LocalStack
from ..places import ROOT
from ..report.accepted_risks import load_accepted_risks
from ..report.checklist import load_checklist
from ..report.data import RunFacts, Selection
from ..report.folder import ResultsFolder
from ..report.judgement import PlannedTest
from ..report.proof import suites_version
from ..words import count, listing
from .plan import plan_tests
from .workers import abnormal_end, command, environment_for_workers, run_workers

SUITES = ROOT / "suites"
RESULTS = ROOT / "results"
LOCAL = "local"
INTERRUPTED = "The run was interrupted before all tests had reported."


class CannotRun(Exception):
    """The run can't start; the message is one sentence."""


@dataclass(frozen=True)
class Options:
    """What a person asked for.

    Attributes:
        environment: a name in resources/environments, or the path of an environment file.
        processes: how many suites run at the same time; on the local stack each has a stack of its own.
        wait: how long a starting service is waited for; None for the default of the environment.
        together: whether all suites run in one process of Robot Framework, one after another, whatever ``processes``
            says. A process takes seconds of CPU time before its first test, which is much for a few short tests.
    """

    environment: str = LOCAL
    processes: int = 2
    selection: Selection = field(default_factory=Selection)
    source: Path = SUITES
    results: Path = RESULTS
    wait: timedelta | None = None
    together: bool = False


@dataclass(frozen=True)
class Tested:
    """A deployment that is up and was looked at.

    Attributes:
        variables: what the workers need to know to find it.
        stacks: how many local stacks were started for it.
    """

    variables: Mapping[str, str]
    stacks: int = 0


Say = Callable[[str], None]
BringUp = Callable[[Options, ResultsFolder, int, Say], AbstractContextManager[Tested]]


def sign_off(options: Options, say: Say = print, bring_up: BringUp | None = None) -> int:
    """Run the suites and report.

    Args:
        options: what was asked for.
        say: takes each line of progress; the last two are the verdict and the page's path.
        bring_up: provides what is tested for the length of the run; :func:`local_or_hosted` by default.

    Returns:
        The exit code, which is the verdict: 0 GO, 1 NO-GO, 2 INCOMPLETE.

    Raises:
        BadSelection, BadEnvironment, BadChecklist, BadAcceptedRisks, PreflightFailed, StackFailed, CannotRun: if
            nothing could be run; the message is one sentence, and everything started is stopped.
    """
    # A mistake in these is told now, and not when the suites have run.
    load_accepted_risks({requirement.id for requirement in load_checklist()})
    source = options.source.resolve()
    planned = plan_tests(source, options.selection)
    folder = ResultsFolder(options.results.resolve())
    selected = [test for test in planned if not test.left_out]
    suites = {test.suite for test in selected}
    processes = 1 if options.together else min(options.processes, len(suites))
    facts = RunFacts(
        environment=options.environment,
        started=datetime.now().astimezone(),
        processes=processes,
        selection=options.selection,
        suites=suites_version(),
    )
    with _sole_user(folder):
        folder.clear()
        say(f"Sign-off of the environment {options.environment}: {_plan_in_words(selected, planned, suites)}.")
        problems: list[str] = []
        previous = signal.signal(signal.SIGTERM, _as_interrupt)
        try:
            with (bring_up or local_or_hosted)(options, folder, processes, say) as tested:
                facts = replace(facts, stacks=tested.stacks)
                folder.save_plan(planned)
                say(f"Running {count(len(suites), 'suite')} in {count(processes, 'process', 'processes')}.")
                code = run_workers(
                    command(source, folder, processes, options.selection, planned, together=options.together),
                    environment_for_workers(os.environ, {**tested.variables, "SIGNOFF_RUN_FOLDER": str(folder.path)}),
                    folder,
                    len(suites),
                    say,
                )
                problems += filter(None, [abnormal_end(code)])
        except KeyboardInterrupt:
            problems.append(INTERRUPTED)
        finally:
            signal.signal(signal.SIGTERM, previous)
        folder.save_plan(planned)
        finished = datetime.now().astimezone()
        folder.save_facts(replace(facts, finished=finished, problems=tuple(problems)))
        return report(folder, say)


def report(folder: ResultsFolder, say: Say = print) -> int:
    """Write the page from what lies in a results folder, and say the verdict.

    Returns:
        The exit code, which is the verdict.
    """
    if not folder.path.is_dir():
        raise CannotRun(f"There is no results folder {folder.path}.")
    signoff = folder.report()
    if signoff.unreported:
        names = listing(signoff.unreported, len(signoff.unreported))
        say(f"{count(len(signoff.unreported), 'test')} did not report: {names}.")
    say(signoff.sentence)
    say(str(folder.page))
    return signoff.word.exit_code


def _plan_in_words(selected: list[PlannedTest], planned: tuple[PlannedTest, ...], suites: set[str]) -> str:
    left_out = len(planned) - len(selected)
    words = f"{len(selected)} tests in {len(suites)} suites"
    return f"{words} ({left_out} left out)" if left_out else words


@contextmanager
def _sole_user(folder: ResultsFolder) -> Iterator[None]:
    """Keep a second run out of the same results folder."""
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
        lock = (folder.path / ".lock").open("w")
    except OSError as error:
        raise CannotRun(f"The results folder {folder.path} can't be written: {error.strerror}.") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CannotRun(
                f"Another run is writing to {folder.path}; wait for it, or give --results another folder."
            ) from None
        yield


@contextmanager
def local_or_hosted(options: Options, folder: ResultsFolder, processes: int, say: Say) -> Iterator[Tested]:
    """Bring up or find what is tested, look at it, and stop afterwards what was started.

    Args:
        options: which environment.
        folder: takes what was seen, and the stacks' endpoints and logs.
        processes: how many workers there will be, and so how many local stacks.
        say: takes progress.
    """
    common = {"SIGNOFF_ENVIRONMENT": _name_or_absolute_path(options.environment)}
    if options.environment != LOCAL:
        environment = load_environment(options.environment, os.environ)
        with _nothing_left_behind(environment, folder, say):
            _look(environment, options, folder, say)
            yield Tested(common)
    elif "SIGNOFF_STACK" in os.environ:
        endpoints = _given_stack(Path(os.environ["SIGNOFF_STACK"]))
        environment = load_environment(LOCAL, {**os.environ, **endpoints})
        with _nothing_left_behind(environment, folder, say):
            _look(environment, options, folder, say)
            yield Tested({**common, "SIGNOFF_STACK": str(Path(os.environ["SIGNOFF_STACK"]).resolve())})
    else:
        before = set(kept_folders())
        with _local_stacks(processes, folder, say) as stacks:
            for stack in stacks:
                _look(load_environment(LOCAL, {**os.environ, **stack.endpoints}), options, folder, say)
            yield Tested({**common, "SIGNOFF_STACKS": str(folder.stacks)}, len(stacks))
        if copies := [place for place in kept_folders() if place not in before]:
            say(
                f"Data of {count(len(copies), 'failed test')} is kept in {copies[0].parent}; each test's log says how "
                f"to look at it. To remove it: {PURGE}"
            )


@contextmanager
def _nothing_left_behind(environment: Environment, folder: ResultsFolder, say: Say) -> Iterator[None]:
    """Undo what interrupted runs left broken, before anything is looked at, and what this run's workers left, after.

    Collections that are left over stay, since a person may want to see them; each time it is said which, and how they
    are removed.
    """

    def tidy() -> None:
        left = [name for _, name in leftovers(environment.balancer_url)]
        folder.save_left_over(left, removal(environment))
        if left:
            say(told(environment, left))
        if mended := replay(environment):
            say(f"Mended what was left broken: {', '.join(mended)}.")
        for path, entry in out_of_reach(environment):
            say(
                f"The {entry.role} ({entry.service}) may still be suspended by an interrupted run: this run has no key "
                f"for {entry.api_url}. Run with the key, or resume the service and delete {path}."
            )

    tidy()
    try:
        yield
    finally:
        with _uninterrupted():
            tidy()


def _look(environment: Environment, options: Options, folder: ResultsFolder, say: Say) -> None:
    deployment = preflight(environment, options.wait or usual_wait(environment))
    description: Mapping[str, Any] = deployment.to_dict()
    # The stacks of one run are alike: the first one's addresses stand for all.
    if not folder.deployment.exists():
        folder.save_deployment(description)
        say("Versions: " + ", ".join(f"{name} {version}" for name, version in description["versions"].items()))


@contextmanager
def _local_stacks(number: int, folder: ResultsFolder, say: Say) -> Iterator[list[LocalStack]]:
    """Start local stacks at the same time, leave their endpoints in files for the workers, and stop them all."""
    say(f"Starting {number} local stack{'' if number == 1 else 's'}.")
    stacks = [LocalStack(logs=folder.logs / f"stack-{n}") for n in range(1, number + 1)]
    try:
        with ThreadPoolExecutor(number) as pool:
            for starting in [pool.submit(stack.start) for stack in stacks]:
                starting.result()
        folder.stacks.mkdir(parents=True, exist_ok=True)
        for n, stack in enumerate(stacks, 1):
            # The file holds this stack's own throw-away credentials, and is gone with it.
            file = folder.stacks / f"{n}.json"
            file.touch(mode=0o600)
            file.write_text(json.dumps(stack.endpoints), encoding="utf-8")
        yield stacks
    finally:
        with _uninterrupted():
            with ThreadPoolExecutor(number) as pool:
                list(pool.map(LocalStack.stop, stacks))
            for file in folder.stacks.glob("*.json"):
                file.unlink()


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ignore further interruptions while what was started is stopped."""
    previous = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _as_interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _name_or_absolute_path(environment: str) -> str:
    return str(Path(environment).resolve()) if Path(environment).is_file() else environment


def environment_of(name: str) -> Environment:
    """Return an environment that is up already: a hosted one, or the local stack whose file SIGNOFF_STACK names.

    Raises:
        BadEnvironment: if there is no such environment, or a variable is missing.
        CannotRun: if the stack's file can't be read.
    """
    given = _given_stack(Path(os.environ["SIGNOFF_STACK"])) if "SIGNOFF_STACK" in os.environ else {}
    return load_environment(name, {**os.environ, **given})


def _given_stack(path: Path) -> dict[str, str]:
    try:
        endpoints = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise CannotRun(f"SIGNOFF_STACK names {path}, which is not a stack's JSON file.") from None
    return {str(name): str(value) for name, value in endpoints.items()}


def complain(sentence: str) -> int:
    """Say on stderr, in one line, why nothing was run; return the exit code of that."""
    print(" ".join(sentence.split()), file=sys.stderr)
    return 2
