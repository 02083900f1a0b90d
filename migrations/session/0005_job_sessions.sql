-- Job sessions: jobs that start together, their actions, clients and backups (seed 1; Freezer's API). Times are microseconds
-- since 1970 in UTC, but for those inside documents, which are Freezer's own: seconds. Documents are JSON as text.
-- Every table counts its rows up: lists are in the order of that number, which is the order of creation.

-- Where jobs run: a scheduler that has registered.
CREATE TABLE backup_client (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    client_id TEXT NOT NULL,
    user_name TEXT NOT NULL,
    -- Seen by all tenants.
    is_central BOOLEAN NOT NULL,
    -- uuid, hostname, description and what it supports.
    document TEXT NOT NULL,
    -- The id first: who asks about central clients, or as an administrator, names no tenant.
    CONSTRAINT backup_client_id UNIQUE (client_id, tenant)
);

CREATE INDEX backup_client_list ON backup_client (tenant, number);

CREATE INDEX backup_client_central ON backup_client (number) WHERE is_central;

-- What is done: shared by jobs.
CREATE TABLE backup_action (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    action_id TEXT NOT NULL,
    tenant TEXT NOT NULL,
    user_name TEXT NOT NULL,
    -- Rises with each change.
    version BIGINT NOT NULL,
    -- max_retries, max_retries_interval, freezer_action.
    document TEXT NOT NULL,
    CONSTRAINT backup_action_id UNIQUE (action_id, tenant)
);

CREATE INDEX backup_action_list ON backup_action (tenant, number);

-- What is to be done when, and by which client.
CREATE TABLE backup_job (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id TEXT NOT NULL,
    tenant TEXT NOT NULL,
    user_name TEXT NOT NULL,
    client_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    -- The session that it is in, and the tag of the run that it knows of: 0 for none.
    session_id TEXT,
    session_tag BIGINT NOT NULL,
    -- job_schedule, as its client sees it. Has always the keys event, status and result.
    schedule TEXT NOT NULL,
    -- Of a job in a session: the times that it had for itself, to be had again.
    own_schedule TEXT,
    -- schedule.status: what schedulers ask for.
    status TEXT NOT NULL,
    -- description, user_credentials, action_defaults and whatever else there is of it, but for its actions.
    document TEXT NOT NULL,
    CONSTRAINT backup_job_id UNIQUE (job_id, tenant)
);

CREATE INDEX backup_job_list ON backup_job (tenant, number);

CREATE INDEX backup_job_client ON backup_job (tenant, client_id, number);

-- What a scheduler asks for every minute stays small, whatever has been done.
CREATE INDEX backup_job_open ON backup_job (tenant, client_id, number) WHERE status <> 'completed';

-- A central scheduler asks for its jobs of all tenants.
CREATE INDEX backup_job_open_anywhere ON backup_job (client_id, number) WHERE status <> 'completed';

CREATE INDEX backup_job_session ON backup_job (tenant, session_id) WHERE session_id IS NOT NULL;

-- The actions of a job, in their order.
CREATE TABLE backup_job_action (
    job BIGINT NOT NULL REFERENCES backup_job (number) ON DELETE CASCADE,
    place BIGINT NOT NULL,
    action_id TEXT NOT NULL,
    PRIMARY KEY (job, place)
);

CREATE INDEX backup_job_action_by_action ON backup_job_action (action_id);

-- A backup that was made.
CREATE TABLE backup (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    backup_id TEXT NOT NULL,
    tenant TEXT NOT NULL,
    user_name TEXT NOT NULL,
    status TEXT NOT NULL,
    -- backup_metadata
    document TEXT NOT NULL,
    CONSTRAINT backup_id UNIQUE (backup_id, tenant)
);

CREATE INDEX backup_list ON backup (tenant, number);

-- Jobs that start together.
CREATE TABLE job_session (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id TEXT NOT NULL,
    tenant TEXT NOT NULL,
    user_name TEXT NOT NULL,
    version BIGINT NOT NULL,
    description TEXT,
    schedule TEXT NOT NULL,
    -- Seconds from the start of a run in which others may join it.
    hold_off BIGINT NOT NULL,
    -- Number of the last run: rises by one with each.
    tag BIGINT NOT NULL,
    -- active, running or completed.
    status TEXT NOT NULL,
    -- Of the last run; NULL before the first.
    result TEXT,
    -- Of the last run.
    started_at BIGINT,
    ended_at BIGINT,
    -- Whether a job of the last run has ended otherwise than it should.
    flawed BOOLEAN NOT NULL,
    -- When the run has to be looked at if nothing is heard of its jobs.
    due_at BIGINT,
    CONSTRAINT job_session_id UNIQUE (tenant, session_id)
);

CREATE INDEX job_session_list ON job_session (tenant, number);

CREATE INDEX job_session_due ON job_session (due_at) WHERE due_at IS NOT NULL;

-- A job in a session, and what became of it in the session's last run.
CREATE TABLE session_job (
    session BIGINT NOT NULL REFERENCES job_session (number) ON DELETE CASCADE,
    job_id TEXT NOT NULL,
    -- Rises with each that is added: the order of the session's jobs.
    place BIGINT NOT NULL,
    client_id TEXT NOT NULL,
    -- The last run that it belongs to: one that it is called to, whether it started or not. 0 = none yet.
    run BIGINT NOT NULL,
    status TEXT NOT NULL,
    result TEXT,
    started_at BIGINT,
    ended_at BIGINT,
    PRIMARY KEY (session, job_id)
);

-- Every run of every session, also of those that are gone: a tag names a snapshot.
CREATE TABLE session_run (
    tenant TEXT NOT NULL,
    session_id TEXT NOT NULL,
    tag BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    -- running, completed or superseded (the next one began before it had ended).
    status TEXT NOT NULL,
    result TEXT,
    PRIMARY KEY (tenant, session_id, tag)
);

-- What became of each job in a run.
CREATE TABLE run_job (
    -- Its number in the job archive.
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    session_id TEXT NOT NULL,
    tag BIGINT NOT NULL,
    job_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    status TEXT NOT NULL,
    result TEXT,
    started_at BIGINT,
    ended_at BIGINT,
    -- Why it was ended by somebody else, if it was.
    reason TEXT,
    CONSTRAINT run_job_natural_key UNIQUE (tenant, session_id, tag, job_id)
);
