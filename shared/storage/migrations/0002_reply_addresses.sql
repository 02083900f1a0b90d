-- Commands whose outcome comes later. Until then such a command has an inbox row without outcome; everything else that was
-- handled has one (an event: `null`).

-- Who waits for such an outcome. A row goes when it was told, or when nobody waits any more.
CREATE TABLE reply_addresses (
    command_id TEXT NOT NULL,
    address TEXT NOT NULL,
    deadline BIGINT NOT NULL,
    settled_at BIGINT,
    PRIMARY KEY (command_id, address)
);

CREATE INDEX reply_addresses_deadline ON reply_addresses (deadline);

CREATE INDEX reply_addresses_settled_at ON reply_addresses (settled_at, command_id)
    WHERE settled_at IS NOT NULL;
