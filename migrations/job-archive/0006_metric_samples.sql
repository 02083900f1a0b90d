-- Metric samples: what came lately as it came, and packed hours. Times are seconds since 1970 in UTC, received_at is
-- microseconds.

-- What one batch brought of one node; packed away after a while. The blob is of metrics/recent.rs.
CREATE TABLE metric_recent (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    cluster TEXT NOT NULL,
    hostname TEXT NOT NULL,
    first_time BIGINT NOT NULL,
    last_time BIGINT NOT NULL,
    samples BLOB NOT NULL,
    received_at BIGINT NOT NULL
);

CREATE INDEX metric_recent_by_node ON metric_recent (cluster, hostname, id);

-- A metric on a node.
CREATE TABLE metric_series (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    cluster TEXT NOT NULL,
    hostname TEXT NOT NULL,
    metric TEXT NOT NULL,
    CONSTRAINT metric_series_natural_key UNIQUE (cluster, hostname, metric)
);

-- An hour of it, with all parts of the node. The blob is of metrics/packing.rs.
CREATE TABLE metric_hour (
    series BIGINT NOT NULL REFERENCES metric_series (id),
    -- When it begins.
    hour BIGINT NOT NULL,
    samples BLOB NOT NULL,
    PRIMARY KEY (series, hour)
);

CREATE INDEX metric_hour_by_age ON metric_hour (hour);
