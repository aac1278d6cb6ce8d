"""The results folder: which file holds what, and the report made from them.

A run leaves its plan, its facts and Robot Framework's output here; everything else follows from these files, so the
page can be made again later from an old folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ..secrets import redact
from .accepted_risks import AcceptedRisk, load_accepted_risks
from .checklist import Requirement, load_checklist
from .data import RunFacts, Selection, as_json, timelines_of
from .judgement import PlannedTest, SignOff, judge
from .page import render_page
from .proof import find_proof
from .results import Results, UnreadableResults, read_results

VERSION = 1
_SELECTIONS = ("include", "exclude", "suites", "requirements", "tests")


class BadFolder(ValueError):
    """A results folder can't be reported; the message is one sentence."""


@dataclass(frozen=True)
class ResultsFolder:
    """The files of one run.

    Args:
        path: the folder; it need not exist yet.
    """

    path: Path

    @property
    def output(self) -> Path:
        """Robot Framework's merged results."""
        return self.path / "output.xml"

    @property
    def plan(self) -> Path:
        """Every test of the suites, and which were left out."""
        return self.path / "plan.json"

    @property
    def run(self) -> Path:
        """When and how the run was made, and what went wrong with it."""
        return self.path / "run.json"

    @property
    def deployment(self) -> Path:
        """What was tested: addresses and versions, as seen before the first test."""
        return self.path / "deployment.json"

    @property
    def left_over(self) -> Path:
        """The collections that runs left on the deployment, as seen at the end."""
        return self.path / "left_over.json"

    @property
    def page(self) -> Path:
        return self.path / "signoff.html"

    @property
    def data(self) -> Path:
        return self.path / "signoff.json"

    @property
    def stacks(self) -> Path:
        """One JSON file with endpoints for each local stack of the run."""
        return self.path / "stacks"

    @property
    def logs(self) -> Path:
        """What pabot and the processes of the stacks printed."""
        return self.path / "logs"

    def clear(self) -> None:
        """Remove what an earlier run reported, so that it can't be taken for this one's.

        Only files that are known by name go: histories and journals of faults may still be needed.
        """
        robots = [self.path / name for name in ("log.html", "report.html", ".pabotsuitenames")]
        own = [self.output, self.plan, self.run, self.deployment, self.left_over, self.page, self.data]
        for path in [*own, *robots, *self.stacks.glob("*.json")]:
            path.unlink(missing_ok=True)

    def save_plan(self, tests: Iterable[PlannedTest]) -> None:
        """Write the plan, before the first test starts."""
        rows = [
            {"name": test.name, "suite": test.suite, "requirement": test.requirement, "left_out": test.left_out}
            for test in tests
        ]
        _write(self.plan, {"version": VERSION, "tests": rows})

    def load_plan(self) -> tuple[PlannedTest, ...] | None:
        """Read the plan, or None if there is none."""
        content = _read(self.plan)
        if content is None:
            return None
        return tuple(
            PlannedTest(row["name"], row["suite"], row["requirement"], row["left_out"]) for row in content["tests"]
        )

    def save_deployment(self, description: Mapping[str, Any]) -> None:
        """Write what was tested, as the preflight saw it."""
        _write(self.deployment, dict(description))

    def save_left_over(self, collections: Iterable[str], removal: str) -> None:
        """Write which collections runs left on the deployment, and the command that removes them."""
        _write(self.left_over, {"version": VERSION, "collections": list(collections), "removal": removal})

    def save_facts(self, facts: RunFacts) -> None:
        """Write when and how the run was made; what was tested has its own file."""
        selection = facts.selection
        content = {
            "version": VERSION,
            "environment": facts.environment,
            "started": facts.started.isoformat() if facts.started else None,
            "finished": facts.finished.isoformat() if facts.finished else None,
            "processes": facts.processes,
            "stacks": facts.stacks,
            "selection": {
                "include": list(selection.include),
                "exclude": list(selection.exclude),
                "suites": list(selection.suites),
                "requirements": list(selection.requirements),
            },
            "problems": list(facts.problems),
            "suites": facts.suites,
        }
        _write(self.run, content)

    def load_facts(self) -> RunFacts:
        """Read what is known of the run; what isn't stays unknown."""
        run = _read(self.run) or {}
        deployment = _read(self.deployment) or {}
        left = _read(self.left_over) or {}
        selection = run.get("selection", {})
        return RunFacts(
            environment=run.get("environment", "unknown"),
            targets=_words(deployment.get("targets", {})),
            versions=_words(deployment.get("versions", {})),
            started=_moment(run.get("started")),
            finished=_moment(run.get("finished")),
            processes=run.get("processes"),
            stacks=run.get("stacks", 0),
            selection=Selection(*(tuple(selection.get(key, ())) for key in _SELECTIONS)),
            problems=tuple(run.get("problems", ())),
            suites=run.get("suites"),
            left_over=tuple(left.get("collections", ())),
            removal=left.get("removal", ""),
        )

    def report(
        self,
        checklist: tuple[Requirement, ...] | None = None,
        risks: tuple[AcceptedRisk, ...] | None = None,
        today: date | None = None,
    ) -> SignOff:
        """Judge what lies in the folder, and write the page and its data.

        Args:
            checklist: the requirements; the project's own by default.
            risks: what a person accepts to be not tested; the project's own by default.
            today: the day of the verdict, by which an accepted risk may be past, also when an old run is judged again.

        Returns:
            The judgement. Missing or broken results make it INCOMPLETE; the page is written all the same.

        Raises:
            BadFolder: if a file of the run is not what a run writes.
            BadChecklist, BadAcceptedRisks: if the checklist, or the list of accepted risks, can't be used.
            BadProof: if the proof that lies there is none.
        """
        required = checklist or load_checklist()
        accepted = load_accepted_risks({row.id for row in required}) if risks is None else risks
        facts = self.load_facts()
        proof = find_proof(facts.suites)
        problems = list(facts.problems)
        try:
            results = read_results(self.output)
        except UnreadableResults as error:
            problems.append(str(error))
            results = Results()
        problems += [f"Robot Framework reported an error: {error}" for error in results.errors]
        signoff = judge(required, self.load_plan(), results.tests, problems, accepted, today or date.today())
        _write(self.data, as_json(signoff, facts, proof))
        self.page.write_text(redact(render_page(signoff, facts, self._pictures(signoff), proof)), encoding="utf-8")
        return signoff

    def _pictures(self, signoff: SignOff) -> dict[str, str]:
        """Read the drawings that the tests left; one that is gone is left out, since it proves nothing by itself."""
        names = {name for row in signoff.rows for test in row.tests for name in timelines_of(test)}
        root = self.path.resolve()
        files = {name: (root / name).resolve() for name in names if name.endswith(".svg")}
        return {
            name: file.read_text(encoding="utf-8")
            for name, file in files.items()
            if file.is_relative_to(root) and file.is_file()
        }


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(_masked(content), indent=2, ensure_ascii=False) + "\n"
    # In one step, so that a run that dies while writing leaves no half file.
    draft = path.with_suffix(".tmp")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {key: _masked(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(item) for item in value]
    return value


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        raise BadFolder(f"{path} can't be read as JSON; it was not written by a run of this version.") from None
    if not isinstance(content, dict) or content.get("version", VERSION) != VERSION:
        raise BadFolder(f"{path} was not written by a run of this version.")
    return content


def _words(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: redact(str(value)) for name, value in values.items()}


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
