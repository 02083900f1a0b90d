-- The job archive: jobs, tags, cluster descriptions. Times of jobs are seconds since 1970 in UTC, as ClusterCockpit has
-- them; applied_at is microseconds. JSON is text.

-- Cluster descriptions as the site gave them (ClusterCockpit's cluster.json).
CREATE TABLE cluster (
    name TEXT NOT NULL PRIMARY KEY,
    document TEXT NOT NULL,
    applied_at BIGINT NOT NULL
);

CREATE TABLE job (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    job_id BIGINT NOT NULL,
    cluster TEXT NOT NULL,
    sub_cluster TEXT NOT NULL,
    start_time BIGINT NOT NULL,
    state TEXT NOT NULL,
    user_name TEXT NOT NULL,
    project TEXT NOT NULL,
    partition TEXT NOT NULL,
    array_job_id BIGINT NOT NULL,
    num_nodes BIGINT NOT NULL,
    num_hwthreads BIGINT NOT NULL,
    num_acc BIGINT NOT NULL,
    sharing TEXT NOT NULL,
    monitoring_status BIGINT NOT NULL,
    smt BIGINT NOT NULL,
    duration BIGINT NOT NULL,
    walltime BIGINT NOT NULL,
    -- Everything that is told at the start and never a condition of a list.
    details TEXT NOT NULL,
    -- NULL where nothing was told. Apart from details because lists rarely show it and it can be long.
    meta_data TEXT,
    -- Led by the job's number: a stop may come without a cluster.
    CONSTRAINT job_natural_key UNIQUE (job_id, cluster, start_time),
    CONSTRAINT job_user_name CHECK (user_name <> ''),
    CONSTRAINT job_num_nodes CHECK (num_nodes >= 1),
    CONSTRAINT job_num_hwthreads CHECK (num_hwthreads >= 0),
    CONSTRAINT job_num_acc CHECK (num_acc >= 0),
    CONSTRAINT job_sharing CHECK (sharing IN ('none', 'single_user', 'multi_user')),
    CONSTRAINT job_monitoring_status CHECK (monitoring_status BETWEEN 0 AND 3)
);

-- The four ways a list is read, each in the list's own order and from a tenant's own jobs only. Of these, a stop touches
-- the first alone. What runs lies together in it, apart from what has finished, however much that is.
CREATE INDEX job_by_state ON job (tenant, cluster, state, start_time, id);

CREATE INDEX job_by_start ON job (tenant, start_time, id);

CREATE INDEX job_by_user ON job (tenant, user_name, start_time, id);

CREATE INDEX job_by_project ON job (tenant, project, start_time, id);

-- Tags are shared: jobs with the same type, name and scope have the same tag.
CREATE TABLE tag (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    scope TEXT NOT NULL,
    CONSTRAINT tag_natural_key UNIQUE (type, name, scope)
);

CREATE TABLE job_tag (
    job BIGINT NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    tag BIGINT NOT NULL REFERENCES tag (id) ON DELETE CASCADE,
    PRIMARY KEY (job, tag)
);

CREATE INDEX job_tag_by_tag ON job_tag (tag);
