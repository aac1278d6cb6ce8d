"""What a request to the Chroma v2 API asks for: a pure reading of method and path."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from urllib.parse import quote

DEFAULT_TENANT = "default_tenant"
DEFAULT_DATABASE = "default_database"


class Action(Enum):
    """The kinds of request that the balancer tells apart."""

    ADD = auto()
    UPSERT = auto()
    UPDATE = auto()
    DELETE_DOCUMENTS = auto()
    MODIFY_COLLECTION = auto()
    CREATE_COLLECTION = auto()
    DELETE_COLLECTION = auto()
    CREATE_NAMESPACE = auto()
    """A tenant or a database is created."""
    DELETE_NAMESPACE = auto()
    UPDATE_NAMESPACE = auto()
    READ_DOCUMENTS = auto()
    GET_COLLECTION = auto()
    GET_COLLECTION_BY_ID = auto()
    LIST_COLLECTIONS = auto()
    COUNT_COLLECTIONS = auto()
    READ_NAMESPACE = auto()
    READ_INSTANCE = auto()
    RESET = auto()
    UNSUPPORTED = auto()


DOCUMENT_WRITES = {Action.ADD, Action.UPSERT, Action.UPDATE, Action.DELETE_DOCUMENTS}
CATALOG_WRITES = {Action.CREATE_COLLECTION, Action.DELETE_COLLECTION, Action.MODIFY_COLLECTION}
NAMESPACE_WRITES = {Action.CREATE_NAMESPACE, Action.DELETE_NAMESPACE, Action.UPDATE_NAMESPACE}
WRITES = DOCUMENT_WRITES | CATALOG_WRITES | NAMESPACE_WRITES


@dataclass(frozen=True)
class Operation:
    """One request, read.

    Attributes:
        action: what is asked for.
        method: the HTTP method.
        path: the path as the client sent it.
        tenant, database: the namespace, empty where the path has none.
        reference: the collection as the client names it, by id or by name, empty where there is none.
        verb: what follows the collection in the path ("add", "query", "count", …).
    """

    action: Action
    method: str
    path: str
    tenant: str = ""
    database: str = ""
    reference: str = ""
    verb: str = ""

    @property
    def is_write(self) -> bool:
        """Whether the request changes something, so that it has to be logged."""
        return self.action in WRITES

    @property
    def quoted_path(self) -> str:
        """The path as it goes over the wire."""
        return quote(self.path)

    def path_on_instance(self, collection: str) -> str:
        """Return the path to send to an instance.

        Args:
            collection: the collection in the terms of that instance: its own UUID, or the name.
        """
        base = f"/api/v2/tenants/{quote(self.tenant, safe='')}/databases/{quote(self.database, safe='')}/collections"
        by_id = "/by-id" if self.action is Action.GET_COLLECTION_BY_ID else ""
        tail = f"/{self.verb}" if self.verb else ""
        return f"{base}{by_id}/{quote(collection, safe='')}{tail}"


_DOCUMENT_VERBS = {
    "add": Action.ADD,
    "upsert": Action.UPSERT,
    "update": Action.UPDATE,
    "delete": Action.DELETE_DOCUMENTS,
    "get": Action.READ_DOCUMENTS,
    "query": Action.READ_DOCUMENTS,
    "search": Action.READ_DOCUMENTS,
}
_INSTANCE_READS = {"heartbeat", "version", "pre-flight-checks", "healthcheck", "auth/identity"}
_COLLECTION_PATH = re.compile(
    r"/api/v2/tenants/(?P<tenant>[^/]+)/databases/(?P<database>[^/]+)/collections"
    r"(?:/(?P<by_id>by-id)/(?P<id>[^/]+)|/(?P<reference>[^/]+)(?:/(?P<verb>.+))?)?$"
)
_COUNT_PATH = re.compile(r"/api/v2/tenants/(?P<tenant>[^/]+)/databases/(?P<database>[^/]+)/collections_count$")
_NAMESPACE_PATH = re.compile(
    r"/api/v2/tenants(?:/(?P<tenant>[^/]+)(?P<databases>/databases(?:/(?P<database>[^/]+))?)?)?$"
)


def read_operation(method: str, path: str) -> Operation | None:
    """Return what a request asks for, or None if the v2 API has no such call.

    Args:
        method: the HTTP method, upper case.
        path: the decoded path, without query string.
    """
    if match := _COLLECTION_PATH.match(path):
        return _collection_operation(method, path, match)
    if match := _COUNT_PATH.match(path):
        action = Action.COUNT_COLLECTIONS if method == "GET" else None
        return Operation(action, method, path, match["tenant"], match["database"]) if action else None
    if match := _NAMESPACE_PATH.match(path):
        return _namespace_operation(method, path, match)
    if method == "GET" and path.removeprefix("/api/v2/") in _INSTANCE_READS:
        return Operation(Action.READ_INSTANCE, method, path)
    if method == "POST" and path == "/api/v2/reset":
        return Operation(Action.RESET, method, path)
    return None


def _collection_operation(method: str, path: str, match: re.Match[str]) -> Operation | None:
    tenant, database = match["tenant"], match["database"]
    if match["by_id"] and method == "GET":
        return Operation(Action.GET_COLLECTION_BY_ID, method, path, tenant, database, match["id"])
    reference, verb = match["reference"] or "", match["verb"] or ""
    action: Action | None
    if not reference:
        action = {"GET": Action.LIST_COLLECTIONS, "POST": Action.CREATE_COLLECTION}.get(method)
    elif not verb:
        action = {
            "GET": Action.GET_COLLECTION,
            "PUT": Action.MODIFY_COLLECTION,
            "DELETE": Action.DELETE_COLLECTION,
        }.get(method)
    elif verb in _DOCUMENT_VERBS:
        action = _DOCUMENT_VERBS[verb] if method == "POST" else None
    elif verb in {"count", "indexing_status"}:
        action = Action.READ_DOCUMENTS if method == "GET" else None
    elif verb.split("/")[0] in {"fork", "fork_count", "functions", "attached_functions"}:
        action = Action.UNSUPPORTED
    else:
        action = None
    return Operation(action, method, path, tenant, database, reference, verb) if action else None


def _namespace_operation(method: str, path: str, match: re.Match[str]) -> Operation | None:
    tenant, databases, database = match["tenant"], match["databases"], match["database"]
    action: Action | None
    if database:
        action = {"GET": Action.READ_NAMESPACE, "DELETE": Action.DELETE_NAMESPACE}.get(method)
    elif databases:
        action = {"GET": Action.READ_NAMESPACE, "POST": Action.CREATE_NAMESPACE}.get(method)
    elif tenant:
        action = {"GET": Action.READ_NAMESPACE, "PATCH": Action.UPDATE_NAMESPACE}.get(method)
    else:
        action = {"POST": Action.CREATE_NAMESPACE}.get(method)
    return Operation(action, method, path, tenant or "", database or "") if action else None


def default_lane(tenant: str, database: str, name: str) -> str:
    """Return the ordering key of a name: rows with the same key are applied in the order of the log.

    In the default database each collection name has its own. Elsewhere a whole database, or a whole
    tenant, shares one, so that its creation comes before everything in it.
    """
    if tenant and tenant != DEFAULT_TENANT:
        return f"tenant {tenant}"
    if database and database != DEFAULT_DATABASE:
        return f"database {database}"
    return name


def qualified_name(tenant: str, database: str, name: str) -> str:
    """Return a collection's name as the mapping table has it: unique over all namespaces.

    It is the plain name in the default database, and ``tenant/database/name`` elsewhere.
    """
    if (tenant, database) == (DEFAULT_TENANT, DEFAULT_DATABASE):
        return name
    return f"{tenant}/{database}/{name}"
