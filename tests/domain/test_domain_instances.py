"""Real Chroma servers, asked rightly and wrongly: a wrong question is an error, and never "nothing there"."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from real_chroma import RealChroma

from signoff.checks.conditions import matches, matches_text
from signoff.checks.preflight import PreflightFailed, _shares_databases, _two_instances
from signoff.checks.unusual import CONDITIONS, TEXT_CONDITIONS, unusual_documents, unusual_updates
from signoff.clients.client import Writer
from signoff.clients.instances import COLLECTIONS, Instance
from signoff.clients.wire import NoAnswer, Reply
from signoff.documents import Document, by_id, differences, make_documents, rewritten
from signoff.ledger import Change, Kind, Ledger, judge
from signoff.outcomes import Effect
from signoff.ports import unused_port
from signoff.verdict import CouldNotObserve

Servers = tuple[RealChroma, RealChroma]
DOCUMENTS = make_documents("d", 10, token="t")


def filled(server: RealChroma, name: str, documents: list[Document]) -> str:
    """Create and fill a collection directly on a server, and return its id there."""
    writer = Writer(server.url, timedelta(seconds=10))
    assert writer.create("s1", name).effect is Effect.DONE
    id = server.instance.uuid_of(name)
    if documents:
        assert writer.write("s2", Kind.ADD, name, id, documents).effect is Effect.DONE
    return id


@pytest.fixture
def name() -> str:
    return f"test-{uuid.uuid4().hex[:12]}"


def test_documents_are_read_whole_and_exact(two_servers: Servers, name: str) -> None:
    filled(two_servers[0], name, DOCUMENTS)
    assert differences(by_id(DOCUMENTS), two_servers[0].instance.read_documents(name)) == []


def test_unusual_documents_are_stored_and_read_exactly(two_servers: Servers, name: str) -> None:
    made = unusual_documents()
    filled(two_servers[0], name, made)
    assert differences(by_id(made), two_servers[0].instance.read_documents(name)) == []


def test_an_update_removes_a_value_of_the_metadata_as_the_ledger_says(two_servers: Servers, name: str) -> None:
    made, ledger, server = unusual_documents(), Ledger(), two_servers[0]
    id = filled(server, name, made)
    ledger.note([Change.of(Kind.ADD, document) for document in made], Effect.DONE)
    writer = Writer(server.url, timedelta(seconds=10))
    assert writer.write("s3", Kind.UPDATE, name, id, unusual_updates()).effect is Effect.DONE
    ledger.note([Change.of(Kind.UPDATE, document) for document in unusual_updates()], Effect.DONE)
    assert ledger.documents()["metadata removed"].metadata == {"kept": "kept"}
    assert judge(ledger.registers(), server.instance.read_documents(name)) == []


def test_conditions_select_what_the_oracle_says(two_servers: Servers, name: str) -> None:
    made = by_id(unusual_documents())
    id = filled(two_servers[0], name, list(made.values()))
    instance = two_servers[0].instance
    for condition in CONDITIONS:
        expected = {one for one in made if matches(made[one].metadata, condition)}
        assert 0 < len(expected) < len(made), condition
        assert instance.documents_by_reference(id, where=condition).keys() == expected, condition
    for condition in TEXT_CONDITIONS:
        expected = {one for one in made if matches_text(made[one].text, condition)}
        assert 0 < len(expected) < len(made), condition
        assert instance.documents_by_reference(id, where_document=condition).keys() == expected, condition


def test_a_uri_stays_when_an_update_gives_none(two_servers: Servers, name: str) -> None:
    server = two_servers[0]
    one = replace(DOCUMENTS[0], uri="https://example.com/one")
    ledger = Ledger()
    id = filled(server, name, [one])
    ledger.note([Change.of(Kind.ADD, one)], Effect.DONE)
    again = replace(rewritten(one, "again"), uri=None)
    assert Writer(server.url, timedelta(seconds=10)).write("s3", Kind.UPDATE, name, id, [again]).effect is Effect.DONE
    ledger.note([Change.of(Kind.UPDATE, again)], Effect.DONE)
    assert ledger.documents()[one.id].uri == "https://example.com/one"
    assert judge(ledger.registers(), server.instance.read_documents(name)) == []


def test_more_than_a_page_is_read(two_servers: Servers, name: str) -> None:
    made = make_documents("d", 1201)
    filled(two_servers[0], name, made)
    instance = two_servers[0].instance
    assert instance.read_documents(name).keys() == by_id(made).keys()
    assert instance.count(name) == 1201
    whole = Instance("balancer", two_servers[0].url, whole=True)
    assert whole.read_documents(name).keys() == by_id(made).keys()


def test_a_collection_is_there_or_not_by_chromas_own_word(two_servers: Servers, name: str) -> None:
    instance = two_servers[0].instance
    assert not instance.has_collection(name)
    filled(two_servers[0], name, [])
    assert instance.has_collection(name)
    assert [info.name for info in instance.list_collections()].count(name) == 1
    assert not two_servers[1].instance.has_collection(name)


def test_the_same_name_has_another_id_on_each_server(two_servers: Servers, name: str) -> None:
    ids = {filled(server, name, []) for server in two_servers}
    assert len(ids) == 2


def test_a_data_call_by_name_short_id_or_foreign_id_is_an_error(two_servers: Servers, name: str) -> None:
    instance = two_servers[0].instance
    own, foreign = (filled(server, name, DOCUMENTS) for server in two_servers)
    assert len(instance.documents_by_reference(own)) == 10
    for reference, status in ((name, 400), (own[:8], 400), (foreign, 404)):
        with pytest.raises(CouldNotObserve, match=f"answered to a read of documents with {status}"):
            instance.documents_by_reference(reference)


def test_a_collection_is_never_absent_because_it_was_looked_up_by_its_id(two_servers: Servers, name: str) -> None:
    instance = two_servers[0].instance
    id = filled(two_servers[0], name, DOCUMENTS)
    with pytest.raises(CouldNotObserve, match="is an id"):
        instance.has_collection(id)
    with pytest.raises(CouldNotObserve, match="404"):
        instance.uuid_of(id)
    assert instance.wire.call("DELETE", f"{COLLECTIONS}/{id}").status == 404
    assert len(instance.read_documents(name)) == 10


def test_a_missing_collection_has_no_documents_to_read(two_servers: Servers, name: str) -> None:
    for read in (two_servers[0].instance.read_documents, two_servers[0].instance.count):
        with pytest.raises(CouldNotObserve, match="with 404"):
            read(name)


def test_queries_answer_nearest_first(two_servers: Servers, name: str) -> None:
    id = filled(two_servers[0], name, DOCUMENTS)
    answered = two_servers[0].instance.query(id, list(DOCUMENTS[3].embedding), 50)
    assert answered[0] == "d-0004"
    assert len(answered) == 10


def test_a_killed_server_is_an_error_in_every_way(tmp_path: Path, name: str) -> None:
    server = RealChroma(tmp_path, "replica").wait()
    try:
        id = filled(server, name, DOCUMENTS)
    finally:
        server.kill()
    instance = server.instance
    for ask in (
        lambda: instance.has_collection(name),
        lambda: instance.read_documents(name),
        lambda: instance.count(name),
        lambda: instance.uuid_of(name),
        lambda: instance.documents_by_reference(id),
        instance.list_collections,
        instance.heartbeat,
        instance.version,
    ):
        with pytest.raises(CouldNotObserve, match="the replica did not answer"):
            ask()
    refused = Writer(server.url, timedelta(seconds=2)).write("s", Kind.ADD, name, id, DOCUMENTS)
    assert refused.effect is Effect.NONE


def test_something_else_than_chroma_is_an_error(two_servers: Servers) -> None:
    stranger = Instance("replica", f"{two_servers[0].url}/somewhere/else")
    for ask in (stranger.heartbeat, stranger.version, stranger.list_collections, lambda: stranger.has_collection("x")):
        with pytest.raises(CouldNotObserve):
            ask()


def test_nobody_listening_is_told_from_a_lost_answer() -> None:
    with pytest.raises(NoAnswer) as caught:
        Instance("primary", f"http://127.0.0.1:{unused_port()}").heartbeat()
    assert not caught.value.sent
    assert "the primary did not answer: the connection was refused" in str(caught.value)


def test_one_server_under_two_addresses_is_seen(two_servers: Servers) -> None:
    primary, replica = (server.instance for server in two_servers)
    _two_instances(primary, replica)
    with pytest.raises(PreflightFailed, match="the same instance"):
        _two_instances(primary, Instance("replica", two_servers[0].url))


def test_a_database_of_our_own_is_deleted_even_if_that_is_refused_at_first(
    two_servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    primary = two_servers[0].instance
    honest, there, refused = primary.wire.call, primary.list_databases(), iter(("the first one",))

    def call(method: str, path: str, **given: Any) -> Reply:
        # What Chroma has answered to who deleted a database that was just made.
        if method == "DELETE" and next(refused, None):
            return Reply("the primary", 500, {}, b"{}")
        return honest(method, path, **given)

    monkeypatch.setattr(primary.wire, "call", call)
    _shares_databases(primary, two_servers[1].instance)
    assert primary.list_databases() == there
    assert next(refused, None) is None
