-- The three tables every service keeps beside its own, in the SQL that SQLite and PostgreSQL share.
-- Times are microseconds since 1970 in UTC; JSON is text.

-- What has been handled, with what came out: a message that arrives again gets the same outcome.
CREATE TABLE inbox (
    id TEXT NOT NULL PRIMARY KEY,
    fingerprint TEXT,
    outcome TEXT,
    received_at BIGINT NOT NULL
);

CREATE INDEX inbox_received_at ON inbox (received_at);

-- What is to be published because a transaction committed. One row holds the messages of one batch for one stream.
CREATE TABLE outbox (
    id TEXT NOT NULL PRIMARY KEY,
    stream TEXT NOT NULL,
    messages TEXT NOT NULL,
    message_count BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    published_at BIGINT,
    first_sequence BIGINT,
    last_sequence BIGINT
);

CREATE INDEX outbox_unpublished ON outbox (created_at, id) WHERE published_at IS NULL;

CREATE INDEX outbox_published_at ON outbox (published_at) WHERE published_at IS NOT NULL;

CREATE INDEX outbox_last_sequence ON outbox (stream, last_sequence, id) WHERE last_sequence IS NOT NULL;

-- Messages that could not be handled. The fingerprint tells a message from another one that got the same sequence
-- after the stream was made anew.
CREATE TABLE dead_letters (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    stream TEXT NOT NULL,
    stream_sequence BIGINT NOT NULL,
    fingerprint BIGINT NOT NULL,
    subject TEXT NOT NULL,
    headers TEXT NOT NULL,
    payload TEXT NOT NULL,
    payload_encoding TEXT NOT NULL,
    error TEXT NOT NULL,
    deliveries BIGINT NOT NULL,
    filed_at BIGINT NOT NULL,
    replayed_at BIGINT,
    UNIQUE (stream, stream_sequence, fingerprint)
);

CREATE INDEX dead_letters_waiting ON dead_letters (id) WHERE replayed_at IS NULL;
