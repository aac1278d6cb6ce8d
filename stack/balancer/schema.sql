-- What a deployment keeps in PostgreSQL. Every statement can be run again on an existing database.

CREATE TABLE IF NOT EXISTS unified_wal_writes (
    write_id         uuid PRIMARY KEY,
    seq              bigserial UNIQUE NOT NULL,
    method           text NOT NULL,
    path             text NOT NULL,
    data             text,
    target_instance  text NOT NULL DEFAULT 'both',
    status           text NOT NULL DEFAULT 'pending'
                     CHECK (status IN ('pending', 'executed', 'synced', 'failed', 'rejected')),
    collection_name  text,
    collection_id    uuid,
    lane             text NOT NULL,
    executed_on      text,
    synced_instances text[] NOT NULL DEFAULT '{}',
    retry_count      integer NOT NULL DEFAULT 0,
    error_message    text,
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    executed_at      timestamptz,
    synced_at        timestamptz,
    -- The instance that sync workers are to apply it to; null while that is the balancer's own business.
    handed_to        text
);
CREATE INDEX IF NOT EXISTS unified_wal_writes_owed ON unified_wal_writes (seq) WHERE status IN ('pending', 'executed', 'failed');
CREATE INDEX IF NOT EXISTS unified_wal_writes_handed ON unified_wal_writes (collection_id, handed_to, seq)
    WHERE handed_to IS NOT NULL;
CREATE INDEX IF NOT EXISTS unified_wal_writes_collection ON unified_wal_writes (collection_name, seq);
CREATE INDEX IF NOT EXISTS unified_wal_writes_incarnation ON unified_wal_writes (collection_id, seq);

CREATE TABLE IF NOT EXISTS collection_id_mapping (
    collection_id         uuid PRIMARY KEY,
    -- Deferrable, so that it is checked at the end of a statement: two collections may swap their names in one.
    collection_name       text UNIQUE DEFERRABLE NOT NULL,
    tenant                text NOT NULL,
    database              text NOT NULL,
    lane                  text NOT NULL,
    primary_collection_id uuid UNIQUE,
    replica_collection_id uuid UNIQUE,
    created_at            timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at            timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE IF NOT EXISTS emergency_transaction_log (
    transaction_id  uuid PRIMARY KEY,
    client_session  text,
    method          text NOT NULL,
    path            text NOT NULL,
    data            text,
    status          text NOT NULL
                    CHECK (status IN ('ATTEMPTING', 'COMPLETED', 'FAILED', 'RECOVERED', 'ABANDONED')),
    failure_reason  text,
    response_status integer,
    retry_count     integer NOT NULL DEFAULT 0,
    next_retry_at   timestamptz,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    completed_at    timestamptz
);
CREATE INDEX IF NOT EXISTS emergency_transaction_log_session ON emergency_transaction_log (client_session);

CREATE TABLE IF NOT EXISTS sync_tasks (
    id                 bigserial PRIMARY KEY,
    collection_id      uuid NOT NULL,
    collection_name    text NOT NULL,
    target_instance    text NOT NULL,
    -- Offsets count documents in the order of the log, for the life of a collection and target; the end is exclusive.
    chunk_start_offset bigint NOT NULL,
    chunk_end_offset   bigint NOT NULL,
    -- The log rows the chunk is made of, and which document of the first one it begins with.
    write_seqs         bigint[] NOT NULL DEFAULT '{}',
    first_document     integer NOT NULL DEFAULT 0,
    documents_done     integer NOT NULL DEFAULT 0,
    task_status        text NOT NULL DEFAULT 'pending'
                       CHECK (task_status IN ('pending', 'processing', 'completed', 'failed')),
    worker_id          text,
    started_at         timestamptz,
    completed_at       timestamptz,
    retry_count        integer NOT NULL DEFAULT 0,
    error_message      text,
    created_at         timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX IF NOT EXISTS sync_tasks_open ON sync_tasks (collection_id, target_instance, id)
    WHERE task_status IN ('pending', 'processing');

CREATE TABLE IF NOT EXISTS sync_workers (
    worker_id       text PRIMARY KEY,
    worker_status   text NOT NULL CHECK (worker_status IN ('active', 'inactive')),
    last_heartbeat  timestamptz NOT NULL DEFAULT clock_timestamp(),
    current_task_id bigint REFERENCES sync_tasks (id),
    memory_usage_mb double precision,
    cpu_percent     double precision,
    -- So long after a heartbeat its task is nobody else's.
    lease           interval NOT NULL DEFAULT '20 s'
);
ALTER TABLE sync_workers ADD COLUMN IF NOT EXISTS lease interval NOT NULL DEFAULT '20 s';

-- The coordinator that is at work, and within which time it is heard again.
CREATE TABLE IF NOT EXISTS sync_coordinator (
    only_one       boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    last_heartbeat timestamptz NOT NULL,
    silence        interval NOT NULL
);

CREATE TABLE IF NOT EXISTS performance_metrics (
    metric_timestamp       timestamptz NOT NULL DEFAULT clock_timestamp(),
    memory_usage_mb        double precision NOT NULL,
    memory_percent         double precision NOT NULL,
    cpu_percent            double precision NOT NULL,
    active_collections     integer NOT NULL,
    total_documents_synced bigint NOT NULL,
    avg_sync_time_seconds  double precision
);
CREATE INDEX IF NOT EXISTS performance_metrics_time ON performance_metrics (metric_timestamp);

CREATE TABLE IF NOT EXISTS upgrade_recommendations (
    recommendation_type    text NOT NULL CHECK (recommendation_type IN ('memory', 'cpu', 'disk', 'performance')),
    current_usage          double precision NOT NULL,
    recommended_tier       text NOT NULL,
    estimated_monthly_cost numeric(10, 2) NOT NULL,
    reason                 text NOT NULL,
    urgency                text NOT NULL CHECK (urgency IN ('medium', 'high')),
    created_at             timestamptz NOT NULL DEFAULT clock_timestamp()
);
