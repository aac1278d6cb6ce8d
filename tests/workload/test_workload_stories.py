"""What clients do: enough deletes, every order cut in every pair of phases, and the same again for the same seed."""

from __future__ import annotations

import random
from collections import Counter
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from signoff.checkers.registers import MOST
from signoff.history import Action
from signoff.sandwiches import CELLS, CUTS, Phase
from signoff.workload.stories import Stories, Story

SEEDS = st.integers(0, 10_000)


def mutations(story: Story) -> list[Action]:
    return [action for _, actions in story.parts for action in actions]


@given(SEEDS, st.integers(1, 8))
def test_every_order_is_cut_in_every_pair_of_phases(seed: int, each: int) -> None:
    cut: Counter[tuple[Action, Action, tuple[Phase, Phase]]] = Counter()
    for story in Stories(random.Random(seed)).straddling(each):
        (first, before), (second, after) = story.parts
        cut[before[-1], after[0], (first, second)] += 1
    assert all(cut[one, other, cell] >= each for one, other in CUTS for cell in CELLS)


@given(SEEDS)
def test_well_above_three_in_ten_mutations_are_deletes(seed: int) -> None:
    stories = Stories(random.Random(seed))
    told = [*stories.straddling(6), *(stories.within(Phase.DURING) for _ in range(200))]
    kinds = Counter(action for story in told for action in mutations(story))
    assert (kinds[Action.DELETE] + kinds[Action.DROP]) / kinds.total() >= 0.35
    assert set(kinds) == {action for action in Action if action.mutates}


@given(SEEDS)
def test_a_few_stories_are_enough_for_every_kind_of_mutation(seed: int) -> None:
    stories = Stories(random.Random(seed))
    kinds = {action for _ in range(9) for action in mutations(stories.within(Phase.DURING))}
    assert kinds == {action for action in Action if action.mutates}


@given(SEEDS)
def test_no_story_is_longer_than_what_can_be_judged(seed: int) -> None:
    stories = Stories(random.Random(seed))
    told = [*stories.straddling(2), *(stories.within(Phase.AFTER) for _ in range(50))]
    assert max(len(mutations(story)) for story in told) <= MOST
    assert len({story.number for story in told}) == len(told)


@given(SEEDS)
def test_the_same_seed_gives_the_same_stories(seed: int) -> None:
    def told() -> list[Story]:
        stories = Stories(random.Random(seed))
        return [*stories.straddling(3), *islice((stories.within(Phase.BEFORE) for _ in range(40)), 40)]

    assert told() == told()
