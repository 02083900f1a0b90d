-- What sessions have used in a period is asked of those that ended after its beginning, and of those that have not.
CREATE INDEX node_session_ended ON node_session (ended_at) WHERE ended_at IS NOT NULL;
