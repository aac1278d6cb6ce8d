"""Every SQL statement the balancer sends."""

from pathlib import Path

SCHEMA = (Path(__file__).parent / "schema.sql").read_text(encoding="utf-8")

# One balancer at a time may replay the log; the lock ends with its session, however that ends.
LEADER_LOCK = "SELECT pg_try_advisory_lock(hashtext('unified_wal_writes'))"

PING = "SELECT 1"

_APPEND_TRANSACTION = """
WITH logged AS (
    INSERT INTO emergency_transaction_log (transaction_id, client_session, method, path, data, status)
    VALUES ($1, $2, $3, $4, $5, 'ATTEMPTING')
)"""
_APPEND_ROW = """
INSERT INTO unified_wal_writes (write_id, method, path, data, collection_name, collection_id, lane)
VALUES ($1, $3, $4, $5, $6, $7, $8)
RETURNING seq, created_at"""

# The log row, its transaction and the change to the mapping are one commit.
APPEND = _APPEND_TRANSACTION + _APPEND_ROW
APPEND_CREATION = (
    _APPEND_TRANSACTION
    + """,
mapped AS (
    INSERT INTO collection_id_mapping (collection_id, collection_name, tenant, database, lane)
    VALUES ($7, $6, $9, $10, $8)
    ON CONFLICT (collection_id) DO NOTHING
)"""
    + _APPEND_ROW
)
APPEND_DELETION = (
    _APPEND_TRANSACTION
    + """,
unmapped AS (DELETE FROM collection_id_mapping WHERE collection_id = $7)"""
    + _APPEND_ROW
)
APPEND_DATABASE_DELETION = (
    _APPEND_TRANSACTION
    + """,
unmapped AS (DELETE FROM collection_id_mapping WHERE tenant = $9 AND database = $10)"""
    + _APPEND_ROW
)

# A row for one instance, of what another one holds already.
APPEND_FOR = """
INSERT INTO unified_wal_writes (write_id, method, path, data, collection_name, collection_id, lane,
    status, executed_on, executed_at, synced_instances, target_instance)
SELECT $1, $3, $4, $5, $6, $7, $8, 'executed', $9, clock_timestamp(), ARRAY[$9], $10 WHERE $2::text IS NULL
RETURNING seq, created_at"""

# Takes the id of a request whose commit was never confirmed: if that commit is still under way it now fails,
# and if it came first nothing is inserted here.
RECORD_REFUSALS = """
INSERT INTO emergency_transaction_log
    (transaction_id, client_session, method, path, data, status, failure_reason, response_status, completed_at)
SELECT transaction_id, client_session, method, path, data, 'FAILED', reason, response_status, clock_timestamp()
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int[])
    AS refusal (transaction_id, client_session, method, path, data, reason, response_status)
ON CONFLICT (transaction_id) DO NOTHING
RETURNING transaction_id"""

FIND_ROW = "SELECT seq, created_at FROM unified_wal_writes WHERE write_id = $1"

UPDATE_ROWS = """
UPDATE unified_wal_writes AS row SET
    status = change.status,
    executed_on = change.executed_on,
    synced_instances = string_to_array(change.synced_instances, ','),
    retry_count = change.retry_count,
    error_message = change.error_message,
    executed_at = CASE WHEN change.executed_on IS NULL THEN NULL ELSE coalesce(row.executed_at, clock_timestamp()) END,
    synced_at = CASE WHEN change.status = 'synced' THEN coalesce(row.synced_at, clock_timestamp()) END,
    handed_to = change.handed_to
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::int[], $6::text[], $7::text[])
    AS change (seq, status, executed_on, synced_instances, retry_count, error_message, handed_to)
-- What sync workers have finished is not taken back by a mark that comes late.
WHERE row.seq = change.seq AND NOT (row.status IN ('synced', 'failed') AND change.status = 'executed')"""

UPDATE_TRANSACTIONS = """
UPDATE emergency_transaction_log AS row SET
    status = change.status,
    failure_reason = change.failure_reason,
    response_status = coalesce(change.response_status, row.response_status),
    retry_count = change.retry_count,
    next_retry_at = CASE WHEN change.owed THEN clock_timestamp() + interval '1 second' END,
    completed_at = CASE WHEN change.owed THEN NULL ELSE coalesce(row.completed_at, clock_timestamp()) END
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[], $5::int[], $6::boolean[])
    AS change (transaction_id, status, failure_reason, response_status, retry_count, owed)
WHERE row.transaction_id = change.transaction_id"""

UPDATE_MAPPING = """
UPDATE collection_id_mapping AS row SET
    collection_name = change.collection_name,
    primary_collection_id = change.primary_collection_id,
    replica_collection_id = change.replica_collection_id,
    updated_at = clock_timestamp()
FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[])
    AS change (collection_id, collection_name, primary_collection_id, replica_collection_id)
WHERE row.collection_id = change.collection_id"""

DELETE_MAPPING = "DELETE FROM collection_id_mapping WHERE collection_id = ANY ($1::uuid[])"

LOAD_MAPPING = """
SELECT collection_id, collection_name, tenant, database, lane, primary_collection_id, replica_collection_id
FROM collection_id_mapping ORDER BY created_at, collection_name"""

# What clients have asked for; rows that an instance got to have what another one holds say nothing of their own.
DOCUMENT_ROWS = """
SELECT seq, method, path, data, status FROM unified_wal_writes
WHERE collection_id = $1 AND seq > $2 AND target_instance = 'both'
    AND status <> 'rejected' AND NOT (status = 'failed' AND executed_on IS NULL)
ORDER BY seq LIMIT $3"""

LOAD_OWED = """
SELECT row.write_id, row.seq, row.method, row.path, row.data, row.status, row.collection_name, row.collection_id,
       row.lane, row.executed_on, row.synced_instances, row.error_message, row.created_at, row.handed_to,
       row.target_instance,
       transaction.client_session, transaction.response_status
FROM unified_wal_writes AS row
LEFT JOIN emergency_transaction_log AS transaction ON transaction.transaction_id = row.write_id
WHERE row.status IN ('pending', 'executed') OR (row.status = 'failed' AND row.executed_on IS NOT NULL)
ORDER BY row.seq"""

COUNT_FAILED = "SELECT count(*) FROM unified_wal_writes WHERE status = 'failed'"

PAGE_OF_MAPPINGS = """
SELECT collection_name, collection_id, primary_collection_id, replica_collection_id, created_at, updated_at
FROM collection_id_mapping ORDER BY collection_name LIMIT $1 OFFSET $2"""

COUNT_MAPPINGS = "SELECT count(*) FROM collection_id_mapping"

# Wakes the coordinator of the sync workers.
TELL_COORDINATOR = "SELECT pg_notify('sync_handed', '')"

# The coordinator holds its lock for as long as it lives, and keeps the workers' status up to date. One that is frozen
# holds it too, and is not heard.
SYNC_AT_WORK = """
SELECT EXISTS (
    SELECT 1 FROM pg_locks
    WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND classid = 0 AND objid = (hashtext('sync_tasks')::bigint & 4294967295)::oid AND granted
) AND EXISTS (SELECT 1 FROM sync_coordinator WHERE last_heartbeat > clock_timestamp() - silence
) AND EXISTS (SELECT 1 FROM sync_workers WHERE worker_status = 'active')"""

FINISHED_BY_SYNC = """
SELECT seq, status, error_message FROM unified_wal_writes
WHERE seq = ANY ($1::bigint[]) AND status IN ('synced', 'failed')"""

# A worker that is stopped in the middle of a commit holds its rows until PostgreSQL ends its session.
WAIT_FOR_ROWS = "SELECT set_config('lock_timeout', $1, true)"

OPEN_TASKS = """
SELECT id, task_status, EXISTS (
    SELECT 1 FROM sync_workers AS worker
    WHERE worker.worker_id = task.worker_id AND worker.last_heartbeat > clock_timestamp() - worker.lease
) AS in_hand
FROM sync_tasks AS task
WHERE collection_id = $1 AND target_instance = $2 AND task_status IN ('pending', 'processing')
FOR UPDATE OF task"""

GIVE_UP_TASKS = """
UPDATE sync_tasks SET task_status = 'failed', completed_at = clock_timestamp(),
    error_message = 'taken back by the balancer'
WHERE id = ANY ($1::bigint[])"""

TAKE_BACK = "UPDATE unified_wal_writes SET handed_to = NULL WHERE collection_id = $1 AND handed_to = $2"
