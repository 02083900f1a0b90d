-- Compute sessions: containers that run an image (seed 2; Backend.AI's API). Times are microseconds since 1970 in UTC.

CREATE TABLE compute_session (
    id TEXT NOT NULL PRIMARY KEY,
    -- The access key that it belongs to.
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    tenant TEXT NOT NULL,
    domain TEXT NOT NULL,
    -- All that was asked for, as JSON; the columns above are of it.
    wish TEXT NOT NULL,
    status TEXT NOT NULL,
    status_info TEXT,
    status_changed_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    -- When it ran first.
    started_at BIGINT,
    -- When it was over; NULL until then.
    terminated_at BIGINT,
    result TEXT NOT NULL,
    scaling_group TEXT,
    -- How often it was asked about or used.
    queries BIGINT NOT NULL,
    -- When it was used last.
    active_at BIGINT NOT NULL,
    -- What node allocation was asked.
    request TEXT,
    -- When it has to be looked at if nothing is heard.
    due_at BIGINT,
    -- How often the end of its containers was ordered.
    stop_attempts BIGINT NOT NULL
);

-- A bug that gives one name to two fails loudly. What is over stays out of the indexes that are asked all the time.
CREATE UNIQUE INDEX compute_session_name ON compute_session (owner, name) WHERE terminated_at IS NULL;

CREATE INDEX compute_session_due ON compute_session (due_at) WHERE due_at IS NOT NULL;

-- What is over, the last first: of an access key, of a project, of a domain, of all; by name.
CREATE INDEX compute_session_over_of_owner ON compute_session (owner, status_changed_at, id) WHERE terminated_at IS NOT NULL;

CREATE INDEX compute_session_over_of_tenant ON compute_session (tenant, status_changed_at, id) WHERE terminated_at IS NOT NULL;

CREATE INDEX compute_session_over_of_domain ON compute_session (domain, status_changed_at, id) WHERE terminated_at IS NOT NULL;

CREATE INDEX compute_session_over ON compute_session (status_changed_at, id) WHERE terminated_at IS NOT NULL;

CREATE INDEX compute_session_over_name ON compute_session (owner, name, created_at) WHERE terminated_at IS NOT NULL;

CREATE TABLE compute_container (
    id TEXT NOT NULL PRIMARY KEY,
    session TEXT NOT NULL REFERENCES compute_session (id) ON DELETE CASCADE,
    -- Counted from 0; 0 is the main one.
    place BIGINT NOT NULL,
    agent TEXT NOT NULL,
    status TEXT NOT NULL,
    status_info TEXT,
    status_changed_at BIGINT NOT NULL,
    started_at BIGINT,
    terminated_at BIGINT,
    -- Where its ports can be reached, and which, as JSON.
    host TEXT,
    service_ports TEXT NOT NULL,
    exit_code BIGINT,
    -- What it has used, as JSON.
    usage TEXT,
    -- The last order that its agent got.
    order_id TEXT NOT NULL,
    CONSTRAINT compute_container_place UNIQUE (session, place)
);

-- The end of what a container wrote that is over.
CREATE TABLE compute_container_log (
    container TEXT NOT NULL PRIMARY KEY REFERENCES compute_container (id) ON DELETE CASCADE,
    logs TEXT NOT NULL
);

-- Commands that are not answered: somebody waits for the session.
CREATE TABLE compute_waiter (
    command TEXT NOT NULL PRIMARY KEY,
    session TEXT NOT NULL REFERENCES compute_session (id) ON DELETE CASCADE,
    -- known, started, over or restarted.
    awaited TEXT NOT NULL,
    -- Whether the command made the session.
    created BOOLEAN NOT NULL,
    -- When it is answered at the latest.
    due_at BIGINT
);

CREATE INDEX compute_waiter_session ON compute_waiter (session);

CREATE INDEX compute_waiter_due ON compute_waiter (due_at) WHERE due_at IS NOT NULL;

-- Sessions that wait for others; gone as soon as they do not wait any more.
CREATE TABLE compute_dependency (
    session TEXT NOT NULL REFERENCES compute_session (id) ON DELETE CASCADE,
    depends_on TEXT NOT NULL,
    -- Whether the other one is over, and this one has to be looked at.
    is_over BOOLEAN NOT NULL,
    PRIMARY KEY (session, depends_on)
);

CREATE INDEX compute_dependency_depends_on ON compute_dependency (depends_on);

CREATE INDEX compute_dependency_over ON compute_dependency (session) WHERE is_over;
