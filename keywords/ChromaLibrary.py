"""Collections and documents: written through the balancer, judged on each instance by its own id of them."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from itertools import count

from robot.api import logger
from robot.api.deco import keyword, library
from robot.libraries.BuiltIn import BuiltIn

from evidence import record
from signoff import kept
from signoff.checks import (
    bad_requests,
    belongings,
    catching_up,
    compression,
    created,
    destructive,
    handles,
    load,
    misuse,
    overload,
    refusals,
    unchanged,
)
from signoff.checks import contents as checks
from signoff.checks.unusual import CONDITIONS, TEXT_CONDITIONS, unusual_documents, unusual_updates
from signoff.data_types import Mix, Place, Role
from signoff.documents import Document, Metadata, embed, embed_with_default_model, make_documents, rewritten
from signoff.faults.fault_log import Milestone
from signoff.ledger import Kind
from signoff.leftovers import PURGE, removal
from signoff.polling import require_seen_in_time
from signoff.testbed import ROLES, Testbed, current, ends_with_the_run
from signoff.verdict import CouldNotObserve, NotMet, VerdictClass
from signoff.words import count as count_of
from signoff.words import duration, listing


@library(scope="GLOBAL", version="1.0", doc_format="ROBOT", auto_keywords=False)
class ChromaLibrary:
    """Collections and documents of a ChromaDB deployment.

    Writes go through the balancer, most of them with Chroma's own Python client. Every acknowledgement is noted, so
    that a check can say exactly what has to be there: ids, texts, metadata and embeddings. Checks read each instance
    directly, by that instance's own id of the collection.

    Names of collections are made fresh by `Create Collection`; only collections of this run are ever deleted.
    """

    def __init__(self) -> None:
        self._canary: belongings.Canary | None = None
        self._numbers: defaultdict[tuple[str, str], count[int]] = defaultdict(lambda: count(1))
        self._remembered: dict[str, dict[str, dict[str, Document]]] = {}

    # ---------------------------------------------------------------- collections

    @keyword(tags=["Action"])
    def create_collection(self, stem: str = "collection", **metadata: str) -> str:
        """Creates a collection through the balancer and returns its name, which begins with ``stem`` and is fresh.

        Fails as *not met* if the creation is not acknowledged.
        """
        bed = current()
        name = bed.fresh_name(stem)
        checks.create(bed, name, metadata or None)
        return name

    @keyword(tags=["Action"])
    def create_configured_collection(self, stem: str = "collection", **metadata: str) -> str:
        """Like `Create Collection`, with another space and other index settings than the server's own.

        So a configuration that gets lost on the way to an instance can be told from one that arrived.
        """
        bed = current()
        name = bed.fresh_name(stem)
        checks.create(bed, name, metadata or None, created.UNUSUAL)
        return name

    @keyword(tags=["Action"])
    def get_or_create_collection(self, stem: str = "collection") -> str:
        """Like `Create Collection`, with the client's ``get_or_create_collection``, called twice for the same name."""
        bed = current()
        name = bed.fresh_name(stem)
        checks.get_or_create(bed, name)
        return name

    @keyword(tags=["Action"])
    def create_collection_again(self, collection: str) -> None:
        """Creates a collection of the same name as one that was deleted before; it should begin empty."""
        bed = current()
        earlier = bed.tracked(collection)
        checks.create(bed, collection, earlier.metadata, earlier.configuration)

    @keyword(tags=["Action"])
    def create_collections_at_once(self, number: int = 30, stem: str = "burst") -> list[str]:
        """Creates many collections at the same time, a client for each, and returns their names.

        Fails as *not met* if any creation is not acknowledged.
        """
        names = checks.create_at_once(current(), number, stem)
        record(evidence=f"{number} collections created at the same time")
        return names

    @keyword(tags=["Action"])
    def create_one_collection_by_many_clients(self, clients: int = 8, stem: str = "contested") -> str:
        """Has many clients create the same name at the same time, and returns it.

        Fails as *not met* unless exactly one of them is told that it created the collection, and all others that it
        exists (409).
        """
        name = checks.create_contested(current(), clients, stem)
        record(evidence=f"{clients} clients created one name at the same time")
        return name

    @keyword(tags=["Destructive"])
    def delete_collection(self, *collections: str) -> None:
        """Deletes collections of this run through the balancer. Fails as *not met* if that is not acknowledged."""
        for collection in collections:
            checks.delete(current(), collection)

    @keyword(tags=["Destructive"])
    def clean_up_after_test(self) -> None:
        """Deletes what the test created, if it passed; for a test teardown.

        After a failure everything is kept, and the log says where it is and how to look at it and to remove it. A stack
        that ends with the run is copied for that. What can't be deleted is kept, too.
        """
        bed = current()
        names = bed.manifest.present()
        if not names:
            return
        if BuiltIn().get_variable_value("${TEST STATUS}", "FAIL") == "FAIL":
            self._keep(bed, names)
            return
        try:
            checks.delete_all(bed, names)
        except Exception:
            # The next test must not delete what this one has failed to.
            if left := bed.manifest.present():
                self._keep(bed, left)
            raise

    def _keep(self, bed: Testbed, names: Sequence[str]) -> None:
        """Leave collections to a person, and say where they are."""
        some = f"{', '.join(names[:5])}{' …' if len(names) > 5 else ''} at {bed.environment.balancer_url}"
        if ends_with_the_run(bed):
            test = str(BuiltIn().get_variable_value("${TEST NAME}", "a test"))
            where = f"{kept.keep(bed, names, test).words}. To remove them: {PURGE}"
        else:
            where = (
                "any Chroma client opens them there by their names, and the write-ahead log in PostgreSQL has every "
                f"write to them. To remove them: {removal(bed.environment)}"
            )
        logger.warn(f"Kept for you to look at: {some}: {where} (all names: {bed.manifest.path}).")
        bed.manifest.keep()

    # ---------------------------------------------------------------- documents

    @keyword(tags=["Action"])
    def add_documents(
        self, collection: str, number: int, *, prefix: str = "doc", batch: int = 500, **metadata: str
    ) -> None:
        """Adds new documents with Chroma's own client, in batches. Fails as *not met* if one is not acknowledged.

        Ids are ``prefix-0001`` and so on, and never repeat. Further named arguments become metadata of each document:
        | Add Documents    ${collection}    4    document_id=kept
        """
        documents = self._new(collection, number, prefix, metadata)
        for start in range(0, number, batch):
            self._write(Kind.ADD, collection, documents[start : start + batch])

    @keyword(tags=["Action"])
    def add_documents_with_default_model(self, collection: str, number: int = 5, *, prefix: str = "model") -> None:
        """Adds new documents whose embeddings come from Chroma's default model (384 dimensions).

        The model is downloaded when it is used for the first time. The collection must not hold other embeddings.
        """
        made = self._new(collection, number, prefix, {})
        vectors = embed_with_default_model([document.text or "" for document in made])
        documents = [
            Document(document.id, document.text, document.metadata, vector)
            for document, vector in zip(made, vectors, strict=True)
        ]
        self._write(Kind.ADD, collection, documents)

    @keyword(tags=["Action"])
    def add_unusual_documents(self, collection: str) -> None:
        """Adds documents that are easily mangled: many scripts, line breaks, 1 MB of text, URIs, every metadata type.

        One has a value that an update removes again, with None.
        """
        for document in unusual_documents():
            self._write(Kind.ADD, collection, [document])
        self._write(Kind.UPDATE, collection, unusual_updates())

    @keyword(tags=["Action"])
    def add_largest_batch(self, collection: str) -> int:
        """Adds as many documents as the server takes in one request, in one request, and returns how many that was."""
        size = current().through_balancer.max_batch_size()
        self._write(Kind.ADD, collection, self._new(collection, size, "batch", {}))
        record(evidence=f"one batch of {size:,} documents")
        return size

    @keyword(tags=["Action"])
    def update_documents(self, collection: str, number: int = 0, *, prefix: str = "") -> None:
        """Updates documents that are there: text, metadata and embedding.

        Takes the first ``number`` of those whose id begins with ``prefix``, in the order of their ids; 0 takes all.
        """
        chosen = self._known(collection, number, prefix)
        self._write(Kind.UPDATE, collection, [rewritten(document, self._token()) for document in chosen])

    @keyword(tags=["Action"])
    def update_parts_of_documents(self, collection: str, number: int = 1, *, prefix: str = "") -> None:
        """Updates the metadata alone of as many documents, and the embedding alone of as many others.

        They are the first ones of those whose id begins with ``prefix``, in the order of their ids.
        """
        chosen = self._known(collection, 2 * number, prefix)
        for document in chosen[:number]:
            self._write(Kind.UPDATE, collection, [Document(document.id, None, {"token": self._token()}, ())])
        for document in chosen[number:]:
            self._write(Kind.UPDATE, collection, [Document(document.id, None, None, embed(self._token()))])

    @keyword(tags=["Action"])
    def upsert_documents(self, collection: str, number: int = 0, *, new: int = 0, prefix: str = "") -> None:
        """Upserts documents that are there, chosen as by `Update Documents`, together with ``new`` new ones."""
        chosen = [] if new and not number else self._known(collection, number, prefix)
        documents = [rewritten(document, self._token()) for document in chosen]
        self._write(Kind.UPSERT, collection, documents + self._new(collection, new, prefix or "doc", {}))

    @keyword(tags=["Destructive"])
    def delete_documents(self, collection: str, number: int = 0, *, prefix: str = "") -> None:
        """Deletes documents by their ids, chosen as by `Update Documents`."""
        self._write(Kind.DELETE, collection, self._known(collection, number, prefix))

    @keyword(tags=["Destructive"])
    def delete_documents_where(self, collection: str, **metadata: str) -> None:
        """Deletes documents by a condition: those whose metadata have all these values.

        Fails as *not met* if it is not acknowledged, and as *could not be tested* if nothing meets the condition.
        """
        checks.delete_where(current(), collection, metadata)

    @keyword(tags=["Action"])
    def fill_collections_in_parallel(self, collections: int = 10, documents: int = 50) -> list[str]:
        """Creates collections and fills them at the same time, a client for each, document by document; returns them.

        Fails as *not met* if any request is not acknowledged.
        """
        names = load.fill(current(), collections, documents)
        record(evidence=f"{collections} collections filled at the same time, {documents} documents each")
        return names

    @keyword(tags=["Action"])
    def write_at_once(
        self, collection: str, writes: int = 15, *, clients: int = 0, mix: Mix = Mix.ADDS, session: str = ""
    ) -> str:
        """Sends many writes at the same time over REST, each under its own X-Session-ID; returns what these begin with.

        ``clients`` are at work at the same time, by default one for each write. ``mix`` is ``adds`` or ``mixed``.
        What was not acknowledged is noted as such; `Each Write Should Have Been Acknowledged` judges it.
        ``session`` is what the ids shall begin with, from `New Session`; something fresh by default.
        """
        bed = current()
        used = load.write_at_once(bed, collection, writes, clients or writes, mix is Mix.MIXED, session)
        most = load.under_way(bed, used)
        record(evidence=f"{writes} writes by {clients or writes} clients; up to {most} under way at the same time")
        return used

    @keyword(tags=["Action"])
    def write_documents_of_session_again(self, collection: str, session: str) -> None:
        """Upserts each document that the writes of a session were about, with another content, in one request.

        Whatever became of those writes, this one decides; if one of them is carried out once more, it undoes this.
        """
        documents = [document for write in current().writes(session) for document in write.documents]
        if not documents:
            raise CouldNotObserve(f"no write of the session {session} was about a document")
        self._write(Kind.UPSERT, collection, [rewritten(document, self._token()) for document in documents])

    # ---------------------------------------------------------------- what must be there

    @keyword(tags=["Check", "Wait"])
    def collection_should_hold_exactly_what_was_acknowledged(
        self,
        *collections: str,
        on: Place = Place.BOTH,
        within: timedelta | None = None,
        since_return: bool = False,
    ) -> None:
        """Checks that collections hold exactly the documents that were acknowledged: ids, texts, metadata, embeddings.

        ``on`` is balancer, primary, replica, both (instances) or everywhere. ``within`` is how long it may take, by
        default the limit SYNC_LAG_MAX; with ``since_return`` it begins when the last instance that was away was proved
        to be back. What had an unknown outcome may be there or not, but on all alike.
        """
        bed = current()
        limit = within if within is not None else bed.environment.limits.sync_lag_max
        before = _since_return(bed) if since_return else timedelta(0)
        took, number = checks.hold_exactly(bed, collections, on.value, max(timedelta(0), limit - before))
        took += before.total_seconds()
        require_seen_in_time("The collections hold exactly what was acknowledged", took, limit)
        where = listing(on.value)
        record(
            measured=f"exact on {where} after {duration(took)}{' from the proved return' if since_return else ''}",
            limit="" if within is not None else bed.environment.limits.words("SYNC_LAG_MAX"),
            evidence=f"{count_of(number, 'document')} compared on {where}",
        )

    @keyword(tags=["Check", "Wait"])
    def collection_should_keep_holding_what_was_acknowledged(
        self, *collections: str, during: timedelta | None = None, on: Place = Place.BOTH
    ) -> None:
        """Checks again and again that nothing changes, for ``during`` (by default RESURRECTION_WATCH)."""
        bed = current()
        watch = during if during is not None else bed.environment.limits.resurrection_watch
        looks = checks.keep_holding(bed, collections, on.value, watch)
        record(
            evidence=f"unchanged in {looks} looks during {duration(watch)}",
            limit="" if during is not None else bed.environment.limits.words("RESURRECTION_WATCH"),
        )

    @keyword(tags=["Check", "Wait"])
    def collection_should_exist_once_on_each_instance(self, *collections: str, within: timedelta | None = None) -> None:
        """Checks that each collection is in the list of each instance exactly once, with equal metadata and
        configuration, and with different ids. ``within`` is by default the limit SYNC_LAG_GOAL."""
        bed = current()
        took = checks.exist_once(
            bed, collections, within if within is not None else bed.environment.limits.sync_lag_goal
        )
        record(
            measured=f"{count_of(len(collections), 'collection')} on both instances after {duration(took)}",
            limit="" if within is not None else bed.environment.limits.words("SYNC_LAG_GOAL"),
        )

    @keyword(tags=["Check", "Wait"])
    def new_collection_should_be_everywhere(self, collection: str, within: timedelta | None = None) -> None:
        """Checks that a new collection is on both instances, exactly once and as it was created, and mapped to both.

        All of it within ``within`` (SYNC_LAG_GOAL) of the acknowledgement: there is one clock.
        """
        bed = current()
        took = created.everywhere(
            bed, collection, within if within is not None else bed.environment.limits.sync_lag_goal
        )
        record(
            measured=f"on both instances and mapped {duration(took)} after the acknowledgement",
            limit="" if within is not None else bed.environment.limits.words("SYNC_LAG_GOAL"),
        )

    @keyword(tags=["Check", "Wait"])
    def collection_should_be_absent_everywhere(self, collection: str, within: timedelta | None = None) -> None:
        """Checks that a deleted collection is gone by name and from the list, on both instances and the balancer.

        ``within`` is by default the limit SYNC_LAG_MAX. Absence is Chroma's own "not found", nothing else.
        """
        bed = current()
        took = checks.absent(bed, collection, within if within is not None else bed.environment.limits.sync_lag_max)
        record(measured=f"gone everywhere after {duration(took)}")

    @keyword(tags=["Check", "Wait"])
    def collection_should_stay_absent(self, collection: str, during: timedelta | None = None) -> None:
        """Checks again and again that a deleted collection does not come back, for ``during`` (RESURRECTION_WATCH).

        Its mapping row, in PostgreSQL and in /collection/mappings, must stay gone as well.
        """
        bed = current()
        watch = during if during is not None else bed.environment.limits.resurrection_watch
        looks = checks.stay_absent(bed, collection, watch)
        record(
            evidence=f"absent in {looks} looks during {duration(watch)}",
            limit="" if during is not None else bed.environment.limits.words("RESURRECTION_WATCH"),
        )

    @keyword(tags=["Check"])
    def collection_ids_should_be_fresh(self, collection: str) -> None:
        """Checks that a re-created collection has ids, on each instance, that none of its forerunners had."""
        checks.ids_are_fresh(current(), collection)

    @keyword(tags=["Check"])
    def creating_again_should_be_refused(self, collection: str) -> None:
        """Checks that creating an existing name is refused with 409, and changes nothing on either instance."""
        unchanged.create_again(current(), collection)

    @keyword(tags=["Action"])
    def remember_state(self, *collections: str) -> None:
        """Reads collections on both instances, and keeps what is there for `State Should Be As Remembered`."""
        bed = current()
        for name in collections:
            self._remembered[name] = {role: bed.instance(role).read_documents(name) for role in ("primary", "replica")}

    @keyword(tags=["Check", "Wait"])
    def state_should_be_as_remembered(self, *collections: str, within: timedelta | None = None) -> None:
        """Checks that collections hold on both instances what they held at `Remember State`, in every field.

        ``within`` is by default the limit SYNC_LAG_MAX.
        """
        bed = current()
        limit = within if within is not None else bed.environment.limits.sync_lag_max
        for name in collections:
            if name not in self._remembered:
                raise CouldNotObserve(f"the state of {name} was not remembered; Remember State does that")
            number = checks.as_remembered(bed, name, self._remembered[name], limit)
            record(evidence=f"{count_of(number, 'document')} as before on both instances")

    # ---------------------------------------------------------------- reads and queries

    @keyword(tags=["Check"])
    def reads_should_be_correct(self, collection: str, reads: int = 100) -> None:
        """Reads single documents through the balancer, one after another; each must be there with its exact content."""
        load.read_correctly(current(), collection, reads)
        record(evidence=f"{reads} reads, all correct")

    @keyword(tags=["Check"])
    def queries_should_return_nearest_first(
        self, collection: str, queries: int = 20, *, results: int = 5, on: Place = Place.BALANCER
    ) -> None:
        """Queries a collection (of at most 300 documents); each answer must be the nearest documents, nearest first.

        The balancer is asked with Chroma's own client, instances directly. With fewer documents than ``results``
        exactly all of them must be answered.
        """
        lost = load.query_correctly(current(), collection, queries, results, on.value)
        beside = f"; Chroma's own index has lost the way to {listing(lost)}, directly too" if lost else ""
        record(evidence=f"{queries} queries on {listing(on.value)}, all correct{beside}")

    @keyword(tags=["Check"])
    def selections_should_be_exact(self, collection: str, on: Place = Place.EVERYWHERE) -> None:
        """Reads by plain and nested conditions over `Add Unusual Documents`; each must select exactly its documents.

        Conditions are over the metadata (``where``) and over the texts (``where_document``).
        """
        checks.select_exactly(current(), collection, CONDITIONS, TEXT_CONDITIONS, on.value)
        record(evidence=f"{len(CONDITIONS)} conditions over metadata, {len(TEXT_CONDITIONS)} over texts")

    @keyword(tags=["Check"])
    def compressed_answers_should_be_equal(self, collection: str) -> None:
        """Checks that a read that accepts gzip gives the same documents as one that doesn't, and says how it came."""
        record(measured=compression.answers_equal(current(), collection))

    @keyword(tags=["Check"])
    def compressed_request_should_be_taken_or_refused(self, collection: str) -> None:
        """Sends an add whose body is gzip: it must be carried out exactly, or refused with a 4xx and change nothing.

        Which of the two it is, is said.
        """
        document = self._new(collection, 1, "gzip", {})[0]
        record(measured=compression.request_taken_or_refused(current(), collection, document))

    @keyword(tags=["Check"])
    def handle_should_still_work(self, collection: str) -> None:
        """Updates, deletes, reads and queries with the handle that the collection was created with."""
        record(evidence=handles.works(current(), collection, self._token()))

    @keyword(tags=["Check"])
    def reopening_should_work(self, collection: str, times: int = 20) -> None:
        """Opens the collection with ``get_collection``, adds a document, and finds it by a query; as often as said."""
        bed = current()
        for document in self._new(collection, times, "reopened", {}):
            checks.reopen_add_find(bed, collection, document)
        record(measured=f"{times} of {times} re-opened collections took a document and found it")

    @keyword(tags=["Check"])
    def adding_again_should_change_nothing(self, collection: str) -> None:
        """Adds documents with ids that are there, and other content; nothing may change, anywhere.

        It is looked at when the log owes nothing any more: before that, an instance may not have had its turn.
        """
        known = self._known(collection, 5, "")
        unchanged.add_again(current(), collection, [rewritten(document, self._token()) for document in known])

    @keyword(tags=["Check"])
    def wrong_dimension_should_be_refused(self, collection: str) -> None:
        """Checks that embeddings of another length are refused with a 4xx, that nothing is stored, and nothing owed."""
        words = unchanged.wrong_dimension(current(), collection)
        record(measured=words)

    # ---------------------------------------------------------------- wrong questions

    @keyword(tags=["Check"])
    def data_call_by_name_should_be_an_error(self, collection: str, on: Role = Role.PRIMARY) -> None:
        """Checks that to get, count or query documents by the collection's name is an error, never "no documents"."""
        record(evidence=misuse.read_by_name(current(), collection, on.value))

    @keyword(tags=["Check"])
    def data_call_by_shortened_id_should_be_an_error(self, collection: str, on: Role = Role.PRIMARY) -> None:
        """Checks that to get, count or query documents by a shortened id is an error, never "no documents"."""
        record(evidence=misuse.read_by_short_id(current(), collection, on.value))

    @keyword(tags=["Check"])
    def data_call_by_foreign_id_should_be_an_error(self, collection: str, on: Role = Role.PRIMARY) -> None:
        """Checks that to get, count or query documents by the other instance's id is an error, never "no documents"."""
        record(evidence=misuse.read_by_foreign_id(current(), collection, on.value))

    @keyword(tags=["Check"])
    def looking_up_by_id_should_be_an_error(self, collection: str, on: Role = Role.PRIMARY) -> None:
        """Checks that looking a collection up by its id is an error, and never "absent"."""
        record(evidence=misuse.look_up_by_id(current(), collection, on.value))

    @keyword(tags=["Check"])
    def deleting_by_id_should_be_an_error(self, collection: str) -> None:
        """Checks that deleting a collection by its id is an error, and that everything is still there."""
        record(evidence=misuse.delete_by_id(current(), collection))

    @keyword(tags=["Check"])
    def unreadable_instance_should_be_an_error(self, collection: str, instance: Role | None = None) -> None:
        """Checks that an instance that can't be read is an error, and never "no documents" or "absent".

        ``instance`` is one that is suspended; without it an address is asked where nothing listens.
        """
        record(evidence=misuse.unreadable(current(), collection, instance.value if instance else ""))

    @keyword(tags=["Check"])
    def bad_requests_should_be_refused(self, collection: str) -> None:
        """Sends malformed JSON, bodies that are too large, wrong dimensions, unknown collections and the like.

        Each must be answered with the right 4xx within the deployment's own timeout, and nothing may change.
        """
        record(measured=bad_requests.refused(current(), collection))

    @keyword(tags=["Check"])
    def overload_should_be_refused_in_time(self, session: str, *, at_least: int = 1) -> None:
        """Checks how the writes of `Write At Once` were answered: served, or refused with 503, all in time.

        A refusal must say that it had no effect, and when to come back. ``at_least`` so many must have been refused.
        """
        seen = overload.judge(current(), session, at_least)
        record(
            measured=f"{seen.served} writes served and {seen.refused} refused, the slowest after "
            f"{duration(seen.slowest)}"
        )

    @keyword(tags=["Check"])
    def refusals_should_be_quick_and_without_effect(self, session: str) -> None:
        """Checks that each write of a session was refused within the deployment's own timeout, with X-Effect: none."""
        bed = current()
        took = overload.refused_at_once(bed, session)
        writes = count_of(len(bed.writes(session)), "write")
        record(
            measured=f"{writes} refused without an effect, after {duration(took)} at most",
            limit=f"an answer within {duration(bed.environment.settings.request_timeout)}",
        )

    # ---------------------------------------------------------------- what belongs to others

    @keyword(tags=["Action"])
    def plant_canary(self, stem: str = "collection") -> None:
        """Creates a collection that stands for somebody else's, named as the tests' own are, past the manifest."""
        self._canary = belongings.plant(current(), stem)

    @keyword(tags=["Check"])
    def deleting_the_canary_should_be_refused(self) -> None:
        """Checks that every keyword that deletes refuses a collection that this run's manifest doesn't name."""
        number = belongings.refuses_to_delete(current(), self._planted(), destructive.deletes())
        record(evidence=f"deleting what is not in the manifest was refused in {count_of(number, 'way')}")

    @keyword(tags=["Check", "Wait"])
    def purge_should_spare_the_canary(self) -> None:
        """Purges a collection that a manifest of its own names, and checks that the canary is not touched by that."""
        record(evidence=belongings.purge_beside(current(), self._planted()))

    @keyword(tags=["Check"])
    def canary_should_be_unchanged(self) -> None:
        """Checks that the canary is on both instances what it was, in every field; and removes it."""
        record(measured=belongings.unchanged(current(), self._planted()))
        belongings.remove(current(), self._planted())
        self._canary = None

    def _planted(self) -> belongings.Canary:
        if self._canary is None:
            raise CouldNotObserve("there is no canary; Plant Canary gives one")
        return self._canary

    # ---------------------------------------------------------------- time and load

    @keyword(tags=["Check", "Wait"])
    def writes_should_be_acknowledged_again(
        self, collection: str, within: timedelta | None = None, *, first_try: bool = False
    ) -> None:
        """Adds documents, one after another, until one is acknowledged and readable through the balancer.

        ``within`` is by default the limit FAILOVER_MAX. With ``first_try`` the very first one has to be: nothing is
        broken, and then no request may fail.
        """
        bed = current()
        took, tries = load.write_until_acknowledged(
            bed, collection, within if within is not None else bed.environment.limits.failover_max
        )
        record(
            measured=f"first acknowledged and readable write after {duration(took)} (try {tries})",
            limit="" if within is not None else bed.environment.limits.words("FAILOVER_MAX"),
        )
        bed.faults.reached(Milestone.FAILED_OVER)
        if first_try and tries > 1:
            again = f"a write and a read succeeded only at try {tries}, and nothing is broken"
            raise NotMet(VerdictClass.UNAVAILABLE.says(again))

    @keyword(tags=["Check"])
    def each_write_should_have_been_acknowledged(self, session: str) -> None:
        """Checks that each write of `Write At Once` was acknowledged."""
        number = load.all_acknowledged(current(), session)
        record(measured=f"{number} of {number} writes acknowledged")

    @keyword(tags=["Check"])
    def writes_should_be_refused(self, collection: str, number: int = 10) -> str:
        """Sends writes of all kinds; each must be answered with 503. Returns what their X-Session-IDs begin with."""
        session = load.refused_writes(current(), collection, number)
        record(measured=f"{number} of {number} writes answered with 503")
        return session

    @keyword(tags=["Action"])
    def create_collection_to_delete(self) -> str:
        """Creates a collection whose deletion `Every Kind Of Write Should Be Refused` is to try; returns its name."""
        return refusals.collection_to_delete(current())

    @keyword(tags=["Check"])
    def every_kind_of_write_should_be_refused(self, collection: str, doomed: str, number: int = 12) -> str:
        """Sends writes of documents of all kinds, deletes by a condition, creates a collection and deletes ``doomed``.

        Each must be answered with 503. Returns what their X-Session-IDs begin with.
        """
        session, kinds = refusals.refuse_every_kind(current(), collection, doomed, number)
        record(
            measured=f"{number + 3} of {number + 3} writes answered with 503", evidence=f"kinds: {listing(kinds, 10)}"
        )
        return session

    @keyword(tags=["Action"])
    def provoke_refusals(self, collection: str, writes: int = 60) -> str:
        """Sends many writes at the same time until some are refused with 503, and returns what their X-Session-IDs
        begin with. Fails as *could not be tested* if none is refused."""
        session, refused = load.provoke_refusals(current(), collection, writes)
        record(evidence=f"{refused} refusals (503) among {writes} writes at the same time")
        return session

    @keyword(tags=["Check"])
    def sync_lag_should_be_within(
        self, collection: str, limit: timedelta | None = None, *, documents: int = 30
    ) -> None:
        """Adds documents, and measures for each the time from its acknowledgement until it is exact on both instances.

        The longest may be ``limit``, by default SYNC_LAG_MAX.
        """
        bed = current()
        allowed = limit if limit is not None else bed.environment.limits.sync_lag_max
        made = self._new(collection, documents, "lag", {})
        lags = load.sync_lags(bed, collection, made, allowed)
        record(
            measured=f"sync lag p50 {duration(lags.p50)}, p95 {duration(lags.p95)}, max {duration(lags.longest)}",
            limit="" if limit is not None else bed.environment.limits.words("SYNC_LAG_MAX"),
            evidence=f"{lags.number} documents",
        )
        if lags.longest > allowed.total_seconds():
            lagged = f"the longest sync lag was {duration(lags.longest)}; allowed are {duration(allowed)}"
            raise NotMet(VerdictClass.TOO_SLOW.says(lagged))

    @keyword(tags=["Check", "Wait"])
    def owed_documents_should_be_in_sync_within(
        self, collection: str, instance: Role, limit: timedelta | None = None, *, at_least: int = 500
    ) -> None:
        """Measures for each document the time from an instance's return until it is exact there; right after the
        return.

        ``at_least`` so many must have been owed; that they were is what `Pending Writes Should Be Shown Everywhere`
        shows before the return. The longest may be ``limit``, by default SYNC_LAG_MAX.
        """
        bed = current()
        allowed = limit if limit is not None else bed.environment.limits.sync_lag_max
        lags = catching_up.lags(bed, collection, instance.value, at_least, allowed)
        record(
            measured=f"owed documents exact after the return p50 {duration(lags.p50)}, p95 {duration(lags.p95)}, "
            f"max {duration(lags.longest)}",
            limit="" if limit is not None else bed.environment.limits.words("SYNC_LAG_MAX"),
            evidence=count_of(lags.number, "owed document"),
        )
        if lags.longest > allowed.total_seconds():
            lagged = f"the last owed document was exact {duration(lags.longest)} after the return"
            raise NotMet(VerdictClass.TOO_SLOW.says(f"{lagged}; allowed are {duration(allowed)}"))

    @keyword(tags=["Check"])
    def write_rate_should_be_at_least(
        self, collection: str, minimum: float | None = None, *, writes: int = 300, clients: int = 1
    ) -> None:
        """Adds documents one by one as fast as the clients can; the rate must reach ``minimum`` per second (WRITE_MIN).

        Each write must be acknowledged.
        """
        bed = current()
        needed = minimum if minimum is not None else bed.environment.limits.write_min
        rate = load.write_rate(bed, collection, writes, clients)
        record(
            measured=f"{rate:.0f} writes/s by {count_of(clients, 'client')}",
            limit="" if minimum is not None else bed.environment.limits.words("WRITE_MIN"),
            evidence=f"{writes} writes, all acknowledged",
        )
        if rate < needed:
            few = f"{rate:.1f} writes/s by {count_of(clients, 'client')}; at least {needed:g} are needed"
            raise NotMet(VerdictClass.TOO_SLOW.says(few))

    @keyword(tags=["Check"])
    def each_write_should_have_been_quick(self, session: str) -> None:
        """Checks that each write of a session was acknowledged, and answered in the time that a failover may take.

        ``session`` is what `Write At Once` returned; the time is the limit FAILOVER_MAX.
        """
        bed = current()
        slowest = load.all_quick(bed, session, bed.environment.limits.failover_max)
        record(measured=f"slowest write {duration(slowest)}", limit=bed.environment.limits.words("FAILOVER_MAX"))

    @keyword(tags=["Check"])
    def query_rate_should_be_at_least(
        self, collection: str, minimum: float | None = None, *, queries: int = 300, clients: int = 8
    ) -> None:
        """Queries as fast as the clients can; the rate must reach ``minimum`` per second (QUERY_MIN), and each answer
        must be right."""
        bed = current()
        needed = minimum if minimum is not None else bed.environment.limits.query_min
        rate, lost = load.query_rate(bed, collection, queries, clients)
        record(
            measured=f"{rate:.0f} queries/s by {count_of(clients, 'client')}",
            limit="" if minimum is not None else bed.environment.limits.words("QUERY_MIN"),
            evidence=f"{queries - lost} of {queries} queries right, {lost} spoiled by Chroma's own index, directly too",
        )
        if rate < needed:
            few = f"{rate:.1f} queries/s by {count_of(clients, 'client')}; at least {needed:g} are needed"
            raise NotMet(VerdictClass.TOO_SLOW.says(few))

    # ---------------------------------------------------------------- within

    def _new(self, collection: str, number: int, prefix: str, metadata: Metadata) -> list[Document]:
        numbers = self._numbers[collection, prefix]
        token = self._token()
        return [
            make_documents(prefix, 1, start=next(numbers), token=token, metadata=metadata)[0] for _ in range(number)
        ]

    def _token(self) -> str:
        return f"t{next(self._numbers['', 'token'])}"

    def _known(self, collection: str, number: int, prefix: str) -> list[Document]:
        known = current().tracked(collection).ledger.documents()
        chosen = [known[id] for id in sorted(known) if id.startswith(prefix)]
        if len(chosen) < max(number, 1):
            raise CouldNotObserve(
                f"{collection} has {len(chosen)} documents that begin with {prefix!r}, and {max(number, 1)} are needed"
            )
        return chosen[:number] if number else chosen

    def _write(self, kind: Kind, collection: str, documents: list[Document]) -> None:
        checks.write(current(), kind, collection, documents)


def _since_return(bed: Testbed) -> timedelta:
    """Return how long ago the last instance that was away was proved to be back.

    Raises:
        CouldNotObserve: if none was.
    """
    returned = bed.faults.last_return(ROLES)
    if returned is None:
        raise CouldNotObserve("no instance was away, so there is no return to count from")
    return timedelta(seconds=time.monotonic() - returned)
