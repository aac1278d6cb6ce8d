"""The deployment's PostgreSQL: the write-ahead log, the transaction log and the mapping, read only."""

from __future__ import annotations

from datetime import timedelta

from robot.api.deco import keyword, library

from evidence import record
from signoff.checks import audit, logged, mapping, schema
from signoff.data_types import Request, Role
from signoff.testbed import current
from signoff.words import count, duration


@library(scope="GLOBAL", version="1.0", doc_format="ROBOT", auto_keywords=False)
class PostgresLibrary:
    """What a deployment keeps in PostgreSQL, compared with what clients sent and were told, and with the instances.

    Nothing that is written ever stays: only `Tables Should Take Rows` writes, and takes it back. Tables and columns are
    named in the environment file.
    """

    # ---------------------------------------------------------------- write-ahead log

    @keyword(tags=["Check", "Wait"])
    def log_should_hold_exactly(self, collection: str, rows: int, *, request: Request = Request.ADD) -> None:
        """Checks that the log has exactly so many rows of one kind (add, update, upsert, delete, any) for a collection.

        No row at all means that nothing was logged.
        """
        logged.hold_exactly(current(), collection, rows, request.value)
        record(measured=f"{rows} log rows")

    @keyword(tags=["Check", "Wait"])
    def log_rows_should_be_synced(self, collection: str, within: timedelta | None = None) -> None:
        """Checks that each row of a collection was executed, and then synced within ``within`` (SYNC_LAG_MAX).

        When the log calls the last one synced, both instances must hold exactly what was acknowledged, at once.
        """
        bed = current()
        lags = logged.synced(bed, collection, within if within is not None else bed.environment.limits.sync_lag_max)
        record(
            measured=f"executed → synced p50 {duration(lags.p50)}, p95 {duration(lags.p95)}, "
            f"max {duration(lags.longest)}",
            limit="" if within is not None else bed.environment.limits.words("SYNC_LAG_MAX"),
            evidence=f"{lags.number} log rows; both instances exact when the log called them synced",
        )

    @keyword(tags=["Check", "Wait"])
    def log_should_show_execution_on(self, instance: Role, collection: str, *, at_least: int = 1) -> None:
        """Checks that the log says of the latest rows of a collection that this instance executed them.

        ``at_least`` rows, counted from the last one backwards, must say so.
        """
        logged.executed_on(current(), instance.value, collection, at_least)
        record(evidence=f"the log shows the last {count(at_least, 'write')} executed on the {instance.value}")

    @keyword(tags=["Check"])
    def no_log_row_should_have_failed(self, *collections: str) -> None:
        """Checks that no row of these collections is failed."""
        number = logged.none_failed(current(), collections)
        record(evidence=f"{number} log rows, none failed")

    # ---------------------------------------------------------------- mapping

    @keyword(tags=["Check", "Wait"])
    def mapping_should_be_complete(self, *collections: str, within: timedelta | None = None) -> None:
        """Checks that each collection has exactly one mapping row, whose two ids are those of the instances themselves.

        The ids must be valid and different, and /collection/mappings must show the same. ``within``: SYNC_LAG_GOAL.
        """
        bed = current()
        took = mapping.complete(
            bed, collections, within if within is not None else bed.environment.limits.sync_lag_goal
        )
        record(
            measured=f"{len(collections)} complete mappings after {duration(took)}",
            limit="" if within is not None else bed.environment.limits.words("SYNC_LAG_GOAL"),
        )

    @keyword(tags=["Check", "Wait"])
    def mapping_row_should_be_gone(self, collection: str, within: timedelta | None = None) -> None:
        """Checks that a deleted collection has no mapping row, neither in SQL nor in /collection/mappings."""
        bed = current()
        took = mapping.gone(bed, collection, within if within is not None else bed.environment.limits.sync_lag_max)
        record(measured=f"mapping gone after {duration(took)}")

    # ---------------------------------------------------------------- transactions

    @keyword(tags=["Getter"])
    def new_session(self) -> str:
        """Returns the beginning of session ids that nobody has used, for `Own Transactions Should Number`."""
        return current().session("own")

    @keyword(tags=["Check", "Wait"])
    def own_transactions_should_number(self, session: str, number: int) -> None:
        """Checks how many transactions there are whose X-Session-ID is one of this session's writes."""
        audit.number(current(), session, number)
        record(measured=f"{number} own transactions")

    @keyword(tags=["Check", "Wait"])
    def each_write_should_be_logged_once(self, session: str, within: timedelta = timedelta(seconds=10)) -> None:
        """Checks that each write of a session has exactly one transaction, found by its X-Session-ID.

        Method, path, payload and ``response_status`` must be what the client sent and saw, the status must fit to it,
        and none may be left ATTEMPTING.
        """
        number = audit.logged_once(current(), session, within)
        record(measured=f"{number} of {number} writes logged exactly once")

    @keyword(tags=["Check", "Wait"])
    def each_refusal_should_be_accounted_for(self, session: str, within: timedelta | None = None) -> None:
        """Checks each write that was refused with 503, or had no answer, against the log and the instances.

        Its transaction must end within ``within`` (RECOVERY_MAX): COMPLETED or RECOVERED with the effect on both
        instances, FAILED or ABANDONED with the effect on neither. Without a refusal it *could not be tested*.
        """
        bed = current()
        seen = audit.accounted_for(bed, session, within if within is not None else bed.environment.limits.recovery_max)
        record(
            measured=f"{seen.refused} refusals accounted for: {seen.recovered} done later, "
            f"{seen.absent} to be sent again",
            limit="" if within is not None else bed.environment.limits.words("RECOVERY_MAX"),
        )

    @keyword(tags=["Check", "Wait"])
    def no_refused_write_should_be_claimed_done(self, session: str, within: timedelta = timedelta(seconds=3)) -> None:
        """Checks, while no instance is there, that the log claims of no refused write of a session that it is done."""
        number = audit.none_claimed_done(current(), session, within)
        record(measured=f"none of {number} refused writes claimed done during the outage")

    # ---------------------------------------------------------------- tables

    @keyword(tags=["Check"])
    def schema_should_be_complete(self) -> None:
        """Checks that every table of the contract is there, with each of its columns, and each of these with its type.

        What the contract says stands in resources/schema.yaml.
        """
        record(measured=schema.complete(current()))

    @keyword(tags=["Check"])
    def tables_should_take_rows(self) -> None:
        """Checks that every table of the contract takes a row and gives it back; it is taken back at once."""
        record(measured=schema.takes_rows(current()))

    @keyword(tags=["Check"])
    def table_should_have_columns(self, table: str, *columns: str) -> None:
        """Checks that a table is there and has these columns."""
        logged.has_columns(current(), table, columns)
        record(evidence=f"{table} has {len(columns)} columns of the contract")
