-- Every kind of column and constraint.
CREATE TABLE things (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    note TEXT,
    size BIGINT CONSTRAINT things_size_not_negative CHECK (size >= 0),
    load DOUBLE PRECISION,
    live BOOLEAN,
    parent BIGINT REFERENCES things (id)
);

CREATE INDEX things_live ON things (name) WHERE live;
