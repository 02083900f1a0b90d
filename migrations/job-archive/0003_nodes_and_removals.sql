-- What batch systems say of nodes, documents about machines, and removals that take more than one transaction. Times are
-- seconds since 1970 in UTC.

-- What was told last of a node; each tenant's word stands by itself.
CREATE TABLE node_state (
    tenant TEXT NOT NULL,
    cluster TEXT NOT NULL,
    hostname TEXT NOT NULL,
    state TEXT NOT NULL,
    cpus_allocated BIGINT NOT NULL,
    memory_allocated BIGINT NOT NULL,
    gpus_allocated BIGINT NOT NULL,
    jobs_running BIGINT NOT NULL,
    reported_at BIGINT NOT NULL,
    -- Since when it is in that state.
    since BIGINT NOT NULL,
    PRIMARY KEY (tenant, cluster, hostname)
);

CREATE TABLE machine_state (
    tenant TEXT NOT NULL,
    cluster TEXT NOT NULL,
    hostname TEXT NOT NULL,
    document TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, cluster, hostname)
);

-- Commands that remove more than one transaction should, and how far each has come.
CREATE TABLE removal (
    command TEXT NOT NULL PRIMARY KEY,
    begun_at BIGINT NOT NULL,
    -- What is left, as JSON.
    work TEXT NOT NULL,
    removed BIGINT NOT NULL
);

-- The jobs of a tag in order, so that a tag that a million jobs have can be taken off in portions.
DROP INDEX job_tag_by_tag;

CREATE INDEX job_tag_by_tag ON job_tag (tag, job);
