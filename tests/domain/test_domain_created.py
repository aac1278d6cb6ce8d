"""A new collection is as it was asked for, on both instances, and all of it by one clock."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from signoff.checks import created
from signoff.checks.contents import unlike
from signoff.clients.balancer import CollectionMapping
from signoff.clients.instances import CollectionInfo
from signoff.testbed import Tracked
from signoff.verdict import CouldNotObserve, NotMet

ONE, TWO = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
GIVEN = {"hnsw": {"space": "cosine", "ef_search": 60}}
STORED = {"hnsw": {"space": "cosine", "ef_search": 60, "batch_size": 100}, "spann": None}
USUAL = {"hnsw": {"space": "l2", "ef_search": 100, "batch_size": 100}, "spann": None}
PRIMARY = CollectionInfo("c", ONE, {"purpose": "test"}, STORED, None)
REPLICA = replace(PRIMARY, id=TWO)


def test_a_collection_that_is_as_it_was_created_is_right() -> None:
    assert unlike("c", PRIMARY, REPLICA, {"purpose": "test"}, GIVEN) == []
    assert unlike("c", PRIMARY, REPLICA, {"purpose": "test"}, None) == []


def test_a_configuration_that_both_instances_lost_is_found() -> None:
    both = [replace(info, configuration=USUAL) for info in (PRIMARY, REPLICA)]
    assert unlike("c", *both, {"purpose": "test"}, GIVEN) == [
        'MANGLED: c has the configuration hnsw.space "l2" instead of "cosine" on the primary',
        "MANGLED: c has the configuration hnsw.ef_search 100 instead of 60 on the primary",
        'MANGLED: c has the configuration hnsw.space "l2" instead of "cosine" on the replica',
        "MANGLED: c has the configuration hnsw.ef_search 100 instead of 60 on the replica",
    ]


def test_a_configuration_that_one_instance_lost_is_found() -> None:
    found = unlike("c", PRIMARY, replace(REPLICA, configuration={}), {"purpose": "test"}, GIVEN)
    assert found[0] == 'MANGLED: c has the configuration hnsw.space null instead of "cosine" on the replica'
    assert found[-1] == "DIVERGED: c is configured differently on the two instances"


class Deployment:
    """One that has a collection on both instances at once, and its mapping row after some looks."""

    def __init__(self, unmapped: int, acknowledged_at: float | None) -> None:
        self._unmapped = unmapped
        self._tracked = Tracked("c", metadata={"purpose": "test"}, acknowledged_at=acknowledged_at)
        self.balancer = self.database = self

    def tracked(self, name: str) -> Tracked:
        return self._tracked

    def instance(self, role: str) -> Any:
        return Described(PRIMARY if role == "primary" else REPLICA)

    def own_ids(self, name: str) -> dict[str, CollectionInfo]:
        return {"primary": PRIMARY, "replica": REPLICA}

    def mapping(self, name: str) -> list[CollectionMapping]:
        self._unmapped -= 1
        return [] if self._unmapped >= 0 else [CollectionMapping("c", ONE, TWO)]

    def mappings(self) -> list[CollectionMapping]:
        return [CollectionMapping("c", ONE, TWO)]


class Described:
    def __init__(self, info: CollectionInfo) -> None:
        self._info = info

    def list_collections(self) -> list[CollectionInfo]:
        return [self._info]

    def uuid_of(self, name: str) -> str:
        return self._info.id


def test_existence_and_mapping_have_one_clock_from_the_acknowledgement() -> None:
    bed: Any = Deployment(2, time.monotonic())
    assert 0.05 < created.everywhere(bed, "c", timedelta(seconds=1)) < 1


def test_what_is_there_too_late_is_not_met_although_the_first_look_finds_it() -> None:
    bed: Any = Deployment(0, time.monotonic() - 2)
    with pytest.raises(
        NotMet, match=r"TOO-SLOW: c was first seen whole 2 s after the acknowledgement; allowed are 1 s"
    ):
        created.everywhere(bed, "c", timedelta(seconds=1))


def test_a_mapping_that_does_not_come_is_named() -> None:
    bed: Any = Deployment(1000, time.monotonic())
    with pytest.raises(NotMet, match="BAD-MAPPING: the table has 0 rows for c instead of 1"):
        created.everywhere(bed, "c", timedelta(milliseconds=100))


def test_without_an_acknowledgement_there_is_no_clock() -> None:
    bed: Any = Deployment(0, None)
    with pytest.raises(CouldNotObserve, match="nobody noted when the creation of c was acknowledged"):
        created.everywhere(bed, "c", timedelta(seconds=1))
