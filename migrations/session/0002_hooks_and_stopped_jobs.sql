-- Set-up and tear-down of sessions by agents, and jobs that have stopped.

-- Whether it has rows in session_hook: those of all others are not asked for.
ALTER TABLE node_session ADD COLUMN hooked BOOLEAN NOT NULL DEFAULT FALSE;

-- What an agent does for a session, by the rules that held when it was opened.
CREATE TABLE session_hook (
    session TEXT NOT NULL REFERENCES node_session (id),
    -- set-up or tear-down.
    hook TEXT NOT NULL,
    agent TEXT NOT NULL,
    -- The longest that one attempt may take, in microseconds.
    time_limit BIGINT NOT NULL,
    attempt_limit BIGINT NOT NULL,
    -- idle, ordered, waiting, succeeded or failed.
    state TEXT NOT NULL,
    -- Attempts that were begun.
    attempts BIGINT NOT NULL,
    -- The attempt that is on, and when it ends.
    order_id TEXT,
    deadline BIGINT,
    -- When it has to be looked at if nothing is heard.
    due_at BIGINT,
    -- Why the last attempt that is over failed.
    reason TEXT,
    PRIMARY KEY (session, hook)
);

-- Each order is of one attempt.
CREATE UNIQUE INDEX session_hook_order ON session_hook (order_id) WHERE order_id IS NOT NULL;

CREATE INDEX session_hook_due ON session_hook (due_at) WHERE due_at IS NOT NULL;

-- Jobs that have stopped lately: a session that is tied to one of them and comes later than the news ends at once.
CREATE TABLE job_stopped (
    tenant TEXT NOT NULL,
    cluster TEXT NOT NULL,
    job_id BIGINT NOT NULL,
    -- When it was heard of; it is forgotten some days later.
    heard_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, cluster, job_id)
);

CREATE INDEX job_stopped_heard_at ON job_stopped (heard_at);
