-- What is to be done to the archive's files. A row is written in the transaction that makes it necessary and goes when it is
-- done, so that nothing is forgotten. due_at is microseconds since 1970 in UTC; 0 = at once.
CREATE TABLE archive_work (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The job by its own key, by which its files are found.
    cluster TEXT NOT NULL,
    job_id BIGINT NOT NULL,
    start_time BIGINT NOT NULL,
    -- archive = write all files, describe = write meta.json anew.
    action TEXT NOT NULL,
    -- Rises with each request: what was begun before does not count as done.
    generation BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    -- Why the last attempt failed.
    error TEXT,
    CONSTRAINT archive_work_job UNIQUE (job_id, cluster, start_time)
);

CREATE INDEX archive_work_due ON archive_work (due_at, id);
