"""The deployment's PostgreSQL, read only: its logs, the mapping, and what the monitor keeps there.

Each question is a short transaction of its own that can't write. The one exception, :meth:`Database.try_out`, takes
back whatever it does. The DSN is never shown: not in a message, and not in
the chain of exceptions behind one.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg2
import psycopg2.extras
from psycopg2 import sql as quoted

from ..secrets import redact, remember
from ..verdict import CouldNotObserve
from ..words import shortened
from .balancer import CollectionMapping


@dataclass(frozen=True)
class LogRow:
    """A row of the write-ahead log. ``executed_on`` is the deployment's own name of an instance."""

    write_id: str
    seq: int
    method: str
    path: str
    data: str | None
    status: str
    executed_on: str | None
    created_at: datetime
    executed_at: datetime | None
    synced_at: datetime | None
    error_message: str | None

    @property
    def is_history(self) -> bool:
        """Whether nothing is left to be done of it: no instance owes it."""
        return self.status in ("synced", "rejected")

    @property
    def is_owed(self) -> bool:
        """Whether some instance has still to carry it out."""
        return self.status in ("pending", "executed")


@dataclass(frozen=True)
class SessionRow:
    """What a row of the write-ahead log says of one request, found by its X-Session-ID."""

    client_session: str
    status: str


@dataclass(frozen=True)
class LogError:
    """A row of the write-ahead log, of whatever collection, on which something went wrong."""

    method: str
    path: str
    status: str
    error_message: str


@dataclass(frozen=True)
class Transaction:
    """A row of the transaction log."""

    transaction_id: str
    client_session: str | None
    method: str
    path: str
    data: str | None
    status: str
    failure_reason: str | None
    response_status: int | None
    created_at: datetime
    completed_at: datetime | None


@dataclass(frozen=True)
class Measurement:
    """A row that the monitor wrote: what the fullest and the busiest service use."""

    at: datetime
    memory_usage_mb: float
    memory_percent: float
    cpu_percent: float
    active_collections: int
    total_documents_synced: int
    avg_sync_time_seconds: float | None


@dataclass(frozen=True)
class Recommendation:
    """A plan that the monitor recommended.

    Attributes:
        kind: memory, cpu, disk or performance.
        current_usage: in percent; for performance, the number of owed writes.
    """

    at: datetime
    kind: str
    current_usage: float
    recommended_tier: str
    estimated_monthly_cost: Decimal
    reason: str
    urgency: str


@dataclass(frozen=True)
class SyncTask:
    """A chunk of a collection that distributed sync brings to an instance.

    Attributes:
        target_instance: the deployment's own name of the instance.
        chunk_start_offset, chunk_end_offset: of documents in the order of the log; the end is exclusive.
        retry_count: how often it was given to another worker.
    """

    id: int
    target_instance: str
    chunk_start_offset: int
    chunk_end_offset: int
    task_status: str
    worker_id: str | None
    retry_count: int
    error_message: str | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None


@dataclass(frozen=True)
class SyncWorker:
    """A worker of distributed sync.

    Attributes:
        age: seconds since its last heartbeat, by the server's clock.
    """

    worker_id: str
    worker_status: str
    last_heartbeat: datetime
    current_task_id: int | None
    age: float


class Database:
    """The deployment's PostgreSQL.

    Args:
        dsn: a postgresql:// URL.
        sql: the statements of the environment's dialect.
        patience: seconds that a connection or a statement may take.
    """

    def __init__(self, dsn: str, sql: Mapping[str, str], patience: float = 10.0) -> None:
        self._dsn = dsn
        self._sql = sql
        self._patience = patience
        self._connection: Any = None
        password = psycopg2.extensions.parse_dsn(dsn).get("password") if _is_dsn(dsn) else None
        if password and len(password) >= 12:  # a short one may be a word that messages need
            remember(str(password))

    def version(self) -> str:
        """Return the server's version, as it reports it."""
        rows = self._ask("SELECT current_setting('server_version') AS version", {})
        return str(rows[0]["version"])

    def clock_offset(self) -> timedelta:
        """Return how far the server's clock is ahead of ours, within the time that asking takes."""
        rows = self._ask("SELECT clock_timestamp() AS now", {})
        now: datetime = rows[0]["now"]
        return now - datetime.now().astimezone()

    def size(self) -> int:
        """Return how much the database takes on disk, in bytes."""
        return int(self._ask("SELECT pg_database_size(current_database()) AS size", {})[0]["size"])

    def log_rows(self, collection: str) -> list[LogRow]:
        """Return the write-ahead log of one collection, in its order."""
        return [
            self._typed(LogRow, row, "wal_rows") for row in self._ask(self._sql["wal_rows"], {"collection": collection})
        ]

    def rows_of_sessions(self, sessions: Sequence[str]) -> list[SessionRow]:
        """Return the rows of the write-ahead log that requests with these X-Session-IDs have."""
        rows = self._ask(self._sql["wal_rows_of_sessions"], {"sessions": list(sessions)})
        return [self._typed(SessionRow, row, "wal_rows_of_sessions") for row in rows]

    def last_errors(self, number: int) -> list[LogError]:
        """Return the last rows of the whole write-ahead log that have an error, the latest first."""
        rows = self._ask(self._sql["last_errors"], {"number": number})
        return [self._typed(LogError, row, "last_errors") for row in rows]

    def owed_rows(self) -> int:
        """Return how many rows of the write-ahead log some instance still owes."""
        return self._number("owed_rows")

    def unfinished_transactions(self) -> int:
        """Return how many transactions have not come to an end."""
        return self._number("unfinished_transactions")

    def _number(self, statement: str) -> int:
        rows = self._ask(self._sql[statement], {})
        if len(rows) != 1 or type(rows[0].get("number")) is not int:
            raise CouldNotObserve(f"the statement dialect.sql.{statement} gives no column number with one value")
        return int(rows[0]["number"])

    def transactions(self, sessions: Sequence[str]) -> list[Transaction]:
        """Return the transactions of these client sessions."""
        rows = self._ask(self._sql["transactions"], {"sessions": list(sessions)})
        return [self._typed(Transaction, row, "transactions") for row in rows]

    def mapping(self, collection: str) -> list[CollectionMapping]:
        """Return the mapping rows of one collection name; there should be one."""
        return self._mappings("mapping", {"collection": collection})

    def all_mappings(self) -> list[CollectionMapping]:
        """Return every mapping row, of whatever collection."""
        return self._mappings("all_mappings", {})

    def _mappings(self, statement: str, values: Mapping[str, object]) -> list[CollectionMapping]:
        names = ("collection_name", "primary_id", "replica_id")
        return [
            CollectionMapping(*(self._column(row, name, statement) for name in names))
            for row in self._ask(self._sql[statement], values)
        ]

    def now(self) -> datetime:
        """Return the time by the server's clock."""
        moment: datetime = self._ask("SELECT clock_timestamp() AS now", {})[0]["now"]
        return moment

    def measurements(self, since: datetime) -> list[Measurement]:
        """Return what the monitor has measured since a time of the server's clock, oldest first."""
        rows = self._ask(self._sql["measurements"], {"since": since})
        return [self._typed(Measurement, row, "measurements") for row in rows]

    def recommendations(self, since: datetime) -> list[Recommendation]:
        """Return what the monitor has recommended since a time of the server's clock, oldest first."""
        rows = self._ask(self._sql["recommendations"], {"since": since})
        return [self._typed(Recommendation, row, "recommendations") for row in rows]

    def sync_tasks(self, collection: str) -> list[SyncTask]:
        """Return the tasks of distributed sync that a collection was cut into, oldest first."""
        rows = self._ask(self._sql["sync_tasks"], {"collection": collection})
        return [self._typed(SyncTask, row, "sync_tasks") for row in rows]

    def all_sync_tasks(self) -> int:
        """Return how many tasks of distributed sync there are, of whatever collection and status."""
        return self._number("all_sync_tasks")

    def open_sync_tasks(self) -> int:
        """Return how many tasks of distributed sync are still to be done."""
        return self._number("open_sync_tasks")

    def sync_workers(self) -> list[SyncWorker]:
        """Return the workers of distributed sync that have ever reported."""
        return [self._typed(SyncWorker, row, "sync_workers") for row in self._ask(self._sql["sync_workers"], {})]

    def try_out(self, table: str, row: Mapping[str, Any]) -> dict[str, Any]:
        """Insert a row, read it back in the same transaction, and take it back, whatever happens.

        Args:
            row: a value for each column that is wanted; columns without one that need one get any of their type.

        Returns:
            The columns of ``row`` as they were read back.

        Raises:
            CouldNotObserve: if PostgreSQL does not do that; the message has its reason.
        """
        connection = None
        try:
            connection = self._connect()
            connection.set_session(readonly=False)
            with connection.cursor() as cursor:
                given = {**self._fillers(cursor, table, row), **row}
                insert = quoted.SQL("INSERT INTO {} ({}) VALUES ({}) RETURNING ctid::text AS place").format(
                    quoted.Identifier(table),
                    quoted.SQL(", ").join(map(quoted.Identifier, given)),
                    quoted.SQL(", ").join(quoted.SQL("%s") for _ in given),
                )
                cursor.execute(insert, list(given.values()))
                place = cursor.fetchone()["place"]
                select = quoted.SQL("SELECT {} FROM {} WHERE ctid = %s::tid").format(
                    quoted.SQL(", ").join(map(quoted.Identifier, row)), quoted.Identifier(table)
                )
                cursor.execute(select, [place])
                return dict(cursor.fetchone() or {})
        except psycopg2.Error as error:
            raise CouldNotObserve(f"PostgreSQL refused: {redact(shortened(str(error)))}") from None
        finally:
            if connection is not None:
                with suppress(psycopg2.Error):
                    connection.rollback()
                connection.close()

    def holds(self, table: str, row: Mapping[str, Any]) -> bool:
        """Whether a table holds a row with all of these values."""
        given = {name: value for name, value in row.items() if value is not None}
        conditions = quoted.SQL(" AND ").join(
            # A text may stand for a value of any type: a UUID, an array, a document.
            quoted.SQL("{}::text = %s" if isinstance(value, str) else "{} = %s").format(quoted.Identifier(name))
            for name, value in given.items()
        )
        statement = quoted.SQL("SELECT 1 FROM {} WHERE {} LIMIT 1").format(quoted.Identifier(table), conditions)
        with self._cursor() as cursor:
            cursor.execute(statement, list(given.values()))
            return cursor.fetchone() is not None

    @staticmethod
    def _fillers(cursor: Any, table: str, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return values for the columns beside those of the contract that can't be left out."""
        cursor.execute(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = current_schema() "
            "AND table_name = %s AND is_nullable = 'NO' AND column_default IS NULL",
            [table],
        )
        needed = {item["column_name"]: item["data_type"] for item in cursor.fetchall()}
        values = {"uuid": str(uuid.uuid4()), "boolean": False, "jsonb": "{}", "json": "{}"}
        numbers = ("integer", "bigint", "smallint", "numeric", "double precision", "real")
        return {
            name: values.get(kind, 0 if kind in numbers else "signoff")
            for name, kind in needed.items()
            if name not in row
        }

    def columns(self, table: str) -> dict[str, str]:
        """Return the columns of a table and their types; nothing if there is no such table."""
        rows = self._ask(self._sql["columns"], {"table": table})
        return {str(row["column_name"]): str(row["data_type"]) for row in rows}

    def close(self) -> None:
        """Close the connection; the next question opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _ask(self, statement: str, values: Mapping[str, object]) -> list[dict[str, Any]]:
        with self._cursor() as cursor:
            cursor.execute(statement, values)
            return [dict(row) for row in cursor.fetchall()]

    @contextmanager
    def _cursor(self) -> Iterator[Any]:
        try:
            if self._connection is None:
                self._connection = self._connect()
            with self._connection, self._connection.cursor() as cursor:
                yield cursor
        except psycopg2.Error as error:
            self.close()
            # The driver's message may hold the DSN, and so would the chain.
            reason = redact(shortened(str(error) or type(error).__name__))
            raise CouldNotObserve(f"PostgreSQL did not answer: {reason}") from None

    def _connect(self) -> Any:
        milliseconds = int(self._patience * 1000)
        connection = psycopg2.connect(
            self._dsn,
            connect_timeout=max(2, int(self._patience)),
            application_name="signoff",
            options=f"-c statement_timeout={milliseconds}",
            cursor_factory=psycopg2.extras.RealDictCursor,
            keepalives_idle=5,
        )
        connection.set_session(readonly=True)
        return connection

    def _typed(self, kind: Any, row: Mapping[str, Any], statement: str) -> Any:
        names = kind.__dataclass_fields__
        return kind(**{name: self._column(row, name, statement) for name in names})

    @staticmethod
    def _column(row: Mapping[str, Any], name: str, statement: str) -> Any:
        if name not in row:
            raise CouldNotObserve(f"the statement dialect.sql.{statement} gives no column {name}")
        return row[name]


def _is_dsn(dsn: str) -> bool:
    try:
        psycopg2.extensions.parse_dsn(dsn)
    except psycopg2.ProgrammingError:
        return False
    return True
