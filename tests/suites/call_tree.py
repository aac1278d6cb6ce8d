"""The suites as data: each test with its steps, and each step followed through the sentences into the libraries.

Everything is read with Robot Framework's own parser; nothing is run, and no deployment is needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from robot.api import TestSuite
from robot.libdocpkg import LibraryDocumentation
from robot.running import ResourceFile

from signoff.report.accepted_risks import AcceptedRisk, load_accepted_risks
from signoff.report.checklist import load_checklist

STANDARD = ("BuiltIn", "Collections", "String", "RequestsLibrary")
"""Libraries whose keywords with Should in their name check, although no tag says so; the report thinks so, too."""
_BEHAVIOUR = re.compile(r"^(given|when|then|and|but) ", re.IGNORECASE)


@dataclass(frozen=True)
class Step:
    """One call, in a test or in a sentence."""

    name: str
    args: tuple[str, ...]

    @property
    def behaviour(self) -> str:
        """Given, When, Then, And or But, in lower case; empty without one."""
        found = _BEHAVIOUR.match(self.name)
        return found[1].lower() if found else ""

    @property
    def called(self) -> Iterator[str]:
        """The names that it may call: as it is written, and without its first word."""
        yield self.name
        if self.behaviour:
            yield _BEHAVIOUR.sub("", self.name)


@dataclass(frozen=True)
class LibraryKeyword:
    """A keyword in Python."""

    library: str
    name: str
    tags: frozenset[str]

    @property
    def checks(self) -> bool:
        """Whether it judges what it sees."""
        if self.library == "BuiltIn" and self.name == "Run Keyword And Expect Error":
            return True
        return "Check" in self.tags or (self.library in STANDARD and "should" in self.name.lower().split())


@dataclass(frozen=True, eq=False)
class Sentence:
    """A keyword of a resource file or a suite; ``controls`` as of a test, and ``model`` is Robot Framework's."""

    name: str
    file: str
    steps: tuple[Step, ...]
    controls: tuple[str, ...]
    model: Any

    @property
    def place(self) -> str:
        return f'{self.file}, "{self.name}"'


@dataclass(frozen=True, eq=False)
class SuiteTest:
    """A test of a suite.

    Attributes:
        controls: the kinds of the loops and conditions in its body: "FOR", "IF" and so on.
        length: how many steps it has, as a reader counts them.
        around: its setup and teardown, and those of its suite.
    """

    name: str
    file: str
    steps: tuple[Step, ...]
    controls: tuple[str, ...]
    length: int
    metadata: dict[str, str]
    tags: tuple[str, ...]
    around: tuple[Step, ...] = ()

    @property
    def place(self) -> str:
        return f'{self.file}, "{self.name}"'

    @property
    def judging(self) -> tuple[Step, ...]:
        """The steps that say what has to hold: those with Then, and those that follow one with And or But."""
        found, mode = [], ""
        for step in self.steps:
            mode = mode if step.behaviour in ("and", "but") else step.behaviour
            if mode == "then":
                found.append(step)
        return tuple(found)


@dataclass(frozen=True)
class Project:
    """Everything that the rules look at.

    Attributes:
        tests: of the suites.
        helpers: tests of suites that lie in resources/, and that tests of the suites run.
        sentences: of all resources and suites.
        libraries: the keywords of every library that is imported.
        files: of suites and resources, within the project.
        readme: README.md.
        docs: README.md and docs/*.md.
        guide: docs/writing-suites.md.
    """

    tests: tuple[SuiteTest, ...]
    helpers: tuple[SuiteTest, ...]
    sentences: tuple[Sentence, ...]
    libraries: tuple[LibraryKeyword, ...]
    files: tuple[Path, ...]
    requirements: tuple[str, ...]
    risks: tuple[AcceptedRisk, ...]
    readme: str = ""
    docs: str = ""
    guide: str = ""
    _known: dict[str, tuple[Sentence | LibraryKeyword, ...]] = field(default_factory=dict, compare=False)

    @cached_property
    def _by_name(self) -> dict[str, list[LibraryKeyword]]:
        found: dict[str, list[LibraryKeyword]] = {}
        for keyword in self.libraries:
            found.setdefault(_plain(keyword.name), []).append(keyword)
        return found

    def calls(self, step: Step) -> tuple[Sentence | LibraryKeyword, ...]:
        """Return what a step calls: a sentence or a library keyword, and with Run Keyword… also what it is to run."""
        called = next((found for name in step.called if (found := self._named(name))), ())
        if any(isinstance(one, LibraryKeyword) and "keyword" in _plain(one.name) for one in called):
            return (*called, *(one for argument in step.args for one in self._named(argument)))
        return called

    def reached(self, steps: Iterable[Step]) -> set[Sentence | LibraryKeyword]:
        """Return every sentence and library keyword that steps call, directly or through other sentences."""
        seen: set[Sentence | LibraryKeyword] = set()
        waiting = list(steps)
        while waiting:
            for one in self.calls(waiting.pop()):
                if one not in seen:
                    seen.add(one)
                    waiting += one.steps if isinstance(one, Sentence) else ()
        return seen

    def checks(self, steps: Iterable[Step]) -> bool:
        """Whether steps reach a keyword that judges."""
        return any(isinstance(one, LibraryKeyword) and one.checks for one in self.reached(steps))

    def _named(self, name: str) -> tuple[Sentence | LibraryKeyword, ...]:
        if name not in self._known:
            self._known[name] = self._sentences_named(name) or tuple(self._by_name.get(_plain(_leaf(name)), ()))
        return self._known[name]

    def _sentences_named(self, name: str) -> tuple[Sentence, ...]:
        found = [one for one in self.sentences if one.model.matches(name)]
        exact = [one for one in found if not one.model.embedded]
        # As Robot Framework decides: "The Database Is Resumed" is closer than "The ${instance} Is Resumed".
        closest = [one for one in found if not any(_is_closer(other, one) for other in found if other is not one)]
        return tuple(exact or closest or found)


def _is_closer(one: Sentence, other: Sentence) -> bool:
    return bool(other.model.matches(one.name)) and not one.model.matches(other.name)


def read_project(root: Path) -> Project:
    """Read a project's suites, resources, libraries and documents.

    Args:
        root: the folder that holds suites/, resources/, README.md and docs/.
    """
    suites, helpers = sorted((root / "suites").rglob("*.robot")), sorted((root / "resources").rglob("*.robot"))
    resources = sorted((root / "resources").rglob("*.resource"))
    models = {path: TestSuite.from_file_system(path) for path in (*suites, *helpers)}
    holders = [*((path, ResourceFile.from_file_system(path)) for path in resources)]
    holders += [(path, model.resource) for path, model in models.items()]
    libraries = {_library(path, one.name) for path, held in holders for one in held.imports if one.type == "LIBRARY"}
    requirements = tuple(one.id for one in load_checklist(root / "resources" / "checklist.yaml"))
    texts = {path: path.read_text(encoding="utf-8") for path in [root / "README.md", *sorted(root.glob("docs/*.md"))]}
    return Project(
        tests=tuple(one for path in suites for one in _tests(models[path], path.relative_to(root))),
        helpers=tuple(one for path in helpers for one in _tests(models[path], path.relative_to(root))),
        sentences=tuple(
            Sentence(one.name, str(path.relative_to(root)), _steps(one), _controls(one), one)
            for path, held in holders
            for one in held.keywords
        ),
        libraries=tuple(one for name in sorted({"BuiltIn", *libraries}) for one in _keywords_of(name)),
        files=tuple(path.relative_to(root) for path in (*suites, *helpers, *resources)),
        requirements=requirements,
        risks=load_accepted_risks(requirements, root / "resources" / "accepted_risks.yaml"),
        readme=texts[root / "README.md"],
        docs="\n".join(texts.values()),
        guide=texts.get(root / "docs" / "writing-suites.md", ""),
    )


def _library(importing: Path, name: str) -> str:
    return str((importing.parent / name).resolve()) if name.endswith(".py") else name


@lru_cache
def _keywords_of(library: str) -> tuple[LibraryKeyword, ...]:
    spec = LibraryDocumentation(library)
    return tuple(LibraryKeyword(spec.name, one.name, frozenset(one.tags)) for one in spec.keywords)


def _tests(model: Any, file: Path) -> Iterator[SuiteTest]:
    for test in model.tests:
        own = [one for one in (test.setup if test.has_setup else None, test.teardown if test.has_teardown else None)]
        suite = [model.setup if model.has_setup else None, model.teardown if model.has_teardown else None]
        yield SuiteTest(
            name=test.name,
            file=str(file),
            steps=_steps(test),
            controls=_controls(test),
            length=len(test.body),
            metadata=dict(test.metadata),
            tags=tuple(test.tags),
            around=tuple(_step(one) for one in (*own, *suite) if one is not None),
        )


def _steps(holder: Any) -> tuple[Step, ...]:
    own = tuple(_steps_in(holder.body))
    ends = [getattr(holder, "setup", None), getattr(holder, "teardown", None)]
    return own + tuple(_step(one) for one in ends if one) if type(holder).__name__ == "UserKeyword" else own


def _controls(holder: Any) -> tuple[str, ...]:
    """What a body has beside calls, by the word it begins with; loops and conditions stand there with all they hold."""
    return tuple(item.type.split("/")[0] for item in holder.body if item.type != "KEYWORD")


def _steps_in(items: Iterable[Any]) -> Iterator[Step]:
    for item in items:
        if item.type == "KEYWORD":
            yield _step(item)
        else:
            yield from _steps_in(getattr(item, "body", ()))


def _step(item: Any) -> Step:
    return Step(item.name, tuple(str(argument) for argument in item.args))


def _leaf(name: str) -> str:
    """Without the library before it: "BuiltIn.Sleep" is Sleep."""
    head, dot, rest = name.partition(".")
    return rest if dot and rest and " " not in head else name


def _plain(name: str) -> str:
    return name.lower().replace(" ", "").replace("_", "")
