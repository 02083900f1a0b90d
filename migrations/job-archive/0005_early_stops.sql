-- Stops of jobs that producers told of before they told of the start. A row goes when the start comes, or becomes a dead
-- letter when it does not. received_at is microseconds since 1970 in UTC, the other times are seconds, as in job.

CREATE TABLE early_stop (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    job_id BIGINT NOT NULL,
    -- NULL where the producer did not say.
    cluster TEXT,
    start_time BIGINT,
    stop_time BIGINT NOT NULL,
    state TEXT NOT NULL,
    -- For the dead letter: where it came from, and what it was.
    subject TEXT NOT NULL,
    line TEXT NOT NULL,
    received_at BIGINT NOT NULL
);

CREATE INDEX early_stop_by_job ON early_stop (job_id, tenant);

CREATE INDEX early_stop_by_age ON early_stop (received_at, id);
