"""Each planted fault says what is wrong, and what the page has to say; and nothing of it is in the stack."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from keywords.signoff.report.checklist import load_checklist
from keywords.signoff.report.data import Selection
from keywords.signoff.runner.plan import plan_tests
from keywords.signoff.runner.run import SUITES
from keywords.signoff.verdict import VerdictClass
from planted.catalogue import PARTS, UnknownFault, fault, names
from planted.proof.trial import CONTROLS
from planted.variants import VARIANTS
from stack.fault_proxy import Toxic

ROOT = Path(__file__).resolve().parents[2]
PLANNED = {test.name: test.requirement for test in plan_tests(SUITES, Selection())}
REQUIREMENTS = {requirement.id for requirement in load_checklist()}


@pytest.mark.parametrize("name", names())
def test_a_fault_says_what_is_wrong_and_what_has_to_be_said_of_it(name: str) -> None:
    one = fault(name)
    assert re.fullmatch(r"[A-Z].*\.", one.sentence)
    expected = one.expected
    assert bool(expected.red) != bool(expected.refused)
    assert {*expected.red, *expected.also} <= REQUIREMENTS
    assert all(expected.red.values()), "each requirement needs words, or any reason would do"
    assert expected.verdict in {"", *(verdict.value for verdict in VerdictClass)}
    if expected.tests:
        assert {PLANNED[test] for test in expected.tests} == set(expected.red), "a test of each that has to see it"


@pytest.mark.parametrize("name", names())
def test_a_fault_can_be_planted(name: str) -> None:
    one = fault(name)
    if one.part != "wire":
        assert callable(one.module.plant)
        return
    toxics: Mapping[str, Sequence[Mapping[str, object]]] = one.module.TOXICS
    assert toxics.keys() <= {"primary", "replica", "postgres", "slack"}
    assert all(Toxic.of(dict(toxic)) for given in toxics.values() for toxic in given)


def test_every_part_of_the_deployment_has_faults() -> None:
    assert {name.partition("/")[0] for name in names()} == set(PARTS)


def test_every_requirement_has_a_fault_that_it_has_to_see() -> None:
    named = {id for name in names() for id in fault(name).expected.red}
    assert REQUIREMENTS - named == set()


def test_a_fault_that_nobody_knows_is_one_sentence() -> None:
    with pytest.raises(UnknownFault, match=r"There is no planted fault balancer/nope; python -m planted lists them\."):
        fault("balancer/nope")


def test_nothing_of_a_fault_is_in_the_stack() -> None:
    for path in (ROOT / "stack").rglob("*.py"):
        assert "planted" not in re.sub(r"planted by the fault proxy", "", path.read_text(encoding="utf-8")), path


def test_variants_and_controls_name_requirements() -> None:
    assert {id for variant in VARIANTS for id in variant.requirements} <= REQUIREMENTS
    assert set(CONTROLS) <= REQUIREMENTS
    assert len({variant.name for variant in VARIANTS}) == len(VARIANTS) >= 8
