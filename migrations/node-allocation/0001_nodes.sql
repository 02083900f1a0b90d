-- Node allocation: pools, nodes, leases, quotas, the queue. Times are microseconds since 1970 in UTC, lifetimes seconds.
-- What changes nodes is serialised by one lock of the service (store/mod.rs says why); the conditions of the
-- statements and the constraints here make a fault in that loud.

CREATE TABLE pool (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    architecture TEXT NOT NULL,
    flavor TEXT,
    fill_level BIGINT NOT NULL,
    -- NULL = without end.
    lifetime BIGINT,
    maximum_lifetime BIGINT,
    CONSTRAINT pool_name UNIQUE (name)
);

-- How many nodes of a pool are in each state, kept by whatever changes one: counting 100,000 nodes for each request
-- would not do. Every pool has a row for every state.
CREATE TABLE pool_level (
    pool BIGINT NOT NULL REFERENCES pool (id) ON DELETE CASCADE,
    state TEXT NOT NULL,
    nodes BIGINT NOT NULL,
    PRIMARY KEY (pool, state),
    CONSTRAINT pool_level_nodes CHECK (nodes >= 0)
);

CREATE TABLE node (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hostname TEXT NOT NULL,
    ip_address TEXT NOT NULL,
    pool BIGINT NOT NULL REFERENCES pool (id),
    chassis TEXT NOT NULL,
    console_port BIGINT,
    state TEXT NOT NULL,
    state_since BIGINT NOT NULL,
    used_count BIGINT NOT NULL,
    -- Of the latest lease; 0 = there was none.
    generation BIGINT NOT NULL,
    tenant TEXT,
    session TEXT,
    -- Is reserved when its session gives it back.
    draining BOOLEAN NOT NULL,
    reason TEXT,
    -- The site file has it, so the site file can take it away.
    declared BOOLEAN NOT NULL,
    CONSTRAINT node_hostname UNIQUE (hostname),
    CONSTRAINT node_holder CHECK ((session IS NULL) = (tenant IS NULL)),
    CONSTRAINT node_free CHECK (session IS NULL OR state <> 'ready')
);

-- The free nodes of a pool in the order in which they are given out.
CREATE INDEX node_ready ON node (pool, used_count, id) WHERE state = 'ready';

CREATE INDEX node_by_session ON node (session, id) WHERE session IS NOT NULL;

CREATE INDEX node_by_tenant ON node (tenant, id) WHERE tenant IS NOT NULL;

CREATE INDEX node_by_pool ON node (pool, id);

-- Who had which node, and when: for accounting, and against a node in two sessions, which the second index refuses. It
-- names what it is about, since a node may go and another come under its name.
CREATE TABLE lease (
    node BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    hostname TEXT NOT NULL,
    session TEXT NOT NULL,
    tenant TEXT NOT NULL,
    request TEXT NOT NULL,
    granted_at BIGINT NOT NULL,
    released_at BIGINT,
    PRIMARY KEY (node, generation)
);

CREATE UNIQUE INDEX lease_live ON lease (node) WHERE released_at IS NULL;

-- What a project may hold and holds.
CREATE TABLE tenant (
    name TEXT NOT NULL PRIMARY KEY,
    -- NULL = as many as there are.
    node_quota BIGINT,
    held BIGINT NOT NULL,
    CONSTRAINT tenant_held CHECK (held >= 0)
);

-- Sessions that get no more nodes, and requests that were cancelled: a message about them that comes late is refused.
CREATE TABLE fence (
    name TEXT NOT NULL PRIMARY KEY,
    fenced_at BIGINT NOT NULL
);

CREATE INDEX fence_by_age ON fence (fenced_at);

-- Requests that wait. What was answered is not in it any more.
CREATE TABLE waiting_request (
    request TEXT NOT NULL PRIMARY KEY,
    session TEXT NOT NULL,
    tenant TEXT NOT NULL,
    -- JSON.
    demands TEXT NOT NULL,
    enqueued_at BIGINT NOT NULL,
    wait_until BIGINT NOT NULL
);

CREATE INDEX waiting_request_by_session ON waiting_request (session);

CREATE INDEX waiting_request_by_end ON waiting_request (wait_until);
