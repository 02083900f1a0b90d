-- The trace that work belongs to which goes on later: what waits in a queue, for another session, or for a timer. Noted only for
-- requests that are traced.
CREATE TABLE origins (
    -- What the work is about, such as `session/…`.
    subject TEXT NOT NULL PRIMARY KEY,
    -- W3C trace context of the latest request about it.
    traceparent TEXT NOT NULL,
    noted_at BIGINT NOT NULL
);

CREATE INDEX origins_noted_at ON origins (noted_at);
