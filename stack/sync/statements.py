"""Every SQL statement of the coordinator and the workers."""

HANDED, TASKED = "sync_handed", "sync_tasked"
"""Channels: rows were handed over; there may be a task to claim."""

TELL_WORKERS = f"SELECT pg_notify('{TASKED}', '')"

TABLES_EXIST = "SELECT to_regclass('sync_workers') IS NOT NULL AND to_regclass('sync_coordinator') IS NOT NULL"

# One coordinator at a time; the lock ends with its session, however that ends.
COORDINATOR_LOCK = "SELECT pg_try_advisory_lock(hashtext('sync_tasks')::bigint & 4294967295)"

COORDINATOR_HEARTBEAT = """
INSERT INTO sync_coordinator (last_heartbeat, silence) VALUES (clock_timestamp(), $1)
ON CONFLICT (only_one) DO UPDATE SET last_heartbeat = excluded.last_heartbeat, silence = excluded.silence"""

# Shared locks on the rows: the balancer can't take them back while they are being cut.
UNCUT_ROWS = """
SELECT row.seq, row.method, row.path, row.data, row.collection_id, row.collection_name, row.handed_to
FROM unified_wal_writes AS row
WHERE row.handed_to IS NOT NULL AND row.status = 'executed' AND row.seq > coalesce((
    SELECT max(task.write_seqs[array_upper(task.write_seqs, 1)]) FROM sync_tasks AS task
    WHERE task.collection_id = row.collection_id AND task.target_instance = row.handed_to
        AND task.task_status IN ('pending', 'processing')), 0)
ORDER BY row.collection_id, row.handed_to, row.seq
LIMIT $1
FOR SHARE OF row"""

NEXT_OFFSET = """
SELECT coalesce(max(chunk_end_offset), 0) FROM sync_tasks
WHERE collection_id = $1 AND target_instance = $2 AND task_status <> 'failed'"""

ADD_TASK = """
INSERT INTO sync_tasks (collection_id, collection_name, target_instance, chunk_start_offset, chunk_end_offset,
    write_seqs, first_document)
VALUES ($1, $2, $3, $4, $5, $6, $7)"""

# A task of a worker that is no longer heard is somebody else's to finish. What its session still holds is left for the
# next time, so that one that is stopped in the middle of a commit doesn't keep all the others waiting.
RETIRE_SILENT_WORKERS = """
WITH silent AS (
    UPDATE sync_workers SET worker_status = 'inactive', current_task_id = NULL
    WHERE worker_id IN (
        SELECT worker_id FROM sync_workers
        WHERE worker_status = 'active' AND last_heartbeat < clock_timestamp() - greatest(lease, $1::interval)
        FOR UPDATE SKIP LOCKED)
    RETURNING worker_id
)
UPDATE sync_tasks SET task_status = 'pending', worker_id = NULL, retry_count = retry_count + 1,
    error_message = 'taken over: worker ' || worker_id || ' was no longer heard'
WHERE id IN (
    SELECT id FROM sync_tasks
    WHERE task_status = 'processing' AND (
        worker_id IN (SELECT worker_id FROM silent)
        -- Locked too: one that is heard again just now keeps what it asks for next.
        OR worker_id IN (
            SELECT worker_id FROM sync_workers WHERE worker_status = 'inactive' FOR UPDATE SKIP LOCKED))
    FOR UPDATE SKIP LOCKED)
RETURNING id"""

HEARTBEAT = """
INSERT INTO sync_workers
    (worker_id, worker_status, last_heartbeat, current_task_id, memory_usage_mb, cpu_percent, lease)
VALUES ($1, 'active', clock_timestamp(), $2, $3, $4, $5)
ON CONFLICT (worker_id) DO UPDATE SET worker_status = 'active', last_heartbeat = excluded.last_heartbeat,
    current_task_id = excluded.current_task_id, memory_usage_mb = excluded.memory_usage_mb,
    cpu_percent = excluded.cpu_percent, lease = excluded.lease"""

LEAVE = "UPDATE sync_workers SET worker_status = 'inactive', current_task_id = NULL WHERE worker_id = $1"

_TASK = """
id, collection_id, target_instance, chunk_start_offset, chunk_end_offset, write_seqs, first_document, documents_done"""

OWN_TASK = f"SELECT {_TASK} FROM sync_tasks WHERE task_status = 'processing' AND worker_id = $1 ORDER BY id LIMIT 1"

# The chunks of one collection and target are worked on one after the other: that is the order of the log.
CLAIM_TASK = f"""
UPDATE sync_tasks SET task_status = 'processing', worker_id = $1, started_at = coalesce(started_at, clock_timestamp())
WHERE id = (
    SELECT id FROM sync_tasks AS task WHERE task_status = 'pending' AND NOT EXISTS (
        SELECT 1 FROM sync_tasks AS earlier
        WHERE earlier.collection_id = task.collection_id AND earlier.target_instance = task.target_instance
            AND earlier.id < task.id AND earlier.task_status IN ('pending', 'processing'))
    -- A task that was given back, since its target fails on it, doesn't keep the others waiting.
    ORDER BY retry_count, id LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING {_TASK}"""

TASK_ROWS = "SELECT seq, method, path, data FROM unified_wal_writes WHERE seq = ANY ($1::bigint[]) ORDER BY seq"

# Still to do: handed over, and neither taken back nor done with. With the id of their collection there, in one
# statement: rows that were taken back since must not meet the collection that came in place of theirs.
ROWS_IN_HAND = """
SELECT row.seq, mapping.{target}_collection_id::text AS own_id
FROM unified_wal_writes AS row JOIN collection_id_mapping AS mapping ON mapping.collection_id = $3
WHERE row.seq = ANY ($1::bigint[]) AND row.handed_to = $2 AND row.status = 'executed'
    AND mapping.{target}_collection_id IS NOT NULL"""

IS_DELETED = "SELECT NOT EXISTS (SELECT 1 FROM collection_id_mapping WHERE collection_id = $1)"

STILL_MINE = "SELECT 1 FROM sync_tasks WHERE id = $1 AND worker_id = $2 AND task_status = 'processing'"

ADVANCE_TASK = """
UPDATE sync_tasks SET documents_done = $3
WHERE id = $1 AND worker_id = $2 AND task_status = 'processing' RETURNING id"""

ROWS_DONE = """
UPDATE unified_wal_writes SET status = 'synced', synced_at = clock_timestamp(), handed_to = NULL,
    synced_instances = array_append(array_remove(synced_instances, $2), $2)
WHERE seq = ANY ($1::bigint[]) AND handed_to = $2 AND status = 'executed'"""

ROW_REFUSED = """
UPDATE unified_wal_writes SET status = 'failed', error_message = $3, handed_to = NULL
WHERE seq = $1 AND handed_to = $2 AND status = 'executed'"""

NOTE_TROUBLE = (
    "UPDATE sync_tasks SET error_message = $3 WHERE id = $1 AND worker_id = $2 AND task_status = 'processing'"
)

COMPLETE_TASK = """
UPDATE sync_tasks SET task_status = 'completed', completed_at = clock_timestamp()
WHERE id = $1 AND worker_id = $2 AND task_status = 'processing'"""

GIVE_BACK_TASK = """
UPDATE sync_tasks SET task_status = 'pending', worker_id = NULL, retry_count = retry_count + 1
WHERE task_status = 'processing' AND id = $1 AND worker_id = $2"""

RELEASE_TASKS = """
UPDATE sync_tasks SET task_status = 'pending', worker_id = NULL, retry_count = retry_count + 1,
    error_message = 'taken over: worker ' || worker_id || ' was stopped'
WHERE task_status = 'processing' AND worker_id = $1"""
