-- Node sessions: named stacks of nodes that grow and shrink. Times are microseconds since 1970 in UTC.

CREATE TABLE node_session (
    -- For clients that know sessions by number.
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    tenant TEXT NOT NULL,
    alias TEXT,
    state TEXT NOT NULL,
    -- The job of the archive whose stop closes it.
    job_cluster TEXT,
    job_id BIGINT,
    -- Whether nodes were asked for when it was opened: only such sessions count against the rate.
    with_nodes BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    ended_at BIGINT,
    end_reason TEXT,
    CONSTRAINT node_session_job CHECK ((job_cluster IS NULL) = (job_id IS NULL))
);

-- A bug that gives one name to two fails loudly.
CREATE UNIQUE INDEX node_session_alias ON node_session (tenant, alias) WHERE ended_at IS NULL AND alias IS NOT NULL;

-- What has ended stays out of the indexes that are asked all the time.
CREATE INDEX node_session_live ON node_session (tenant, created_at) WHERE ended_at IS NULL;

CREATE INDEX node_session_expiry ON node_session (expires_at) WHERE ended_at IS NULL AND expires_at IS NOT NULL;

CREATE INDEX node_session_job ON node_session (job_cluster, job_id) WHERE ended_at IS NULL AND job_id IS NOT NULL;

CREATE INDEX node_session_held ON node_session (tenant) WHERE ended_at IS NULL AND state = 'held';

-- Lists, by number.
CREATE INDEX node_session_live_list ON node_session (number) WHERE ended_at IS NULL;

CREATE INDEX node_session_list ON node_session (tenant, number);

-- Nodes of a session. The node itself, its state and its lease belong to node allocation.
CREATE TABLE session_node (
    session TEXT NOT NULL REFERENCES node_session (id),
    node BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    hostname TEXT NOT NULL,
    ip_address TEXT NOT NULL,
    pool TEXT NOT NULL,
    -- By the rules of its pool, in seconds.
    lifetime BIGINT,
    maximum_lifetime BIGINT,
    -- From when the two count.
    counted_from BIGINT NOT NULL,
    -- Place among the nodes that came with it.
    place BIGINT NOT NULL,
    -- When the session gave it back while it went on; what it held when it ended stays as it was.
    released_at BIGINT,
    PRIMARY KEY (session, node, generation)
);

-- What node allocation was asked for and has not answered.
CREATE TABLE pending_request (
    request TEXT NOT NULL PRIMARY KEY,
    session TEXT NOT NULL REFERENCES node_session (id),
    -- The command that waits for the answer; none if time or a job closed the session.
    command TEXT,
    -- What was asked, as JSON, to ask again.
    message TEXT NOT NULL,
    -- From when the answer is missed.
    due_at BIGINT NOT NULL
);

CREATE INDEX pending_request_session ON pending_request (session);

CREATE INDEX pending_request_due ON pending_request (due_at);
