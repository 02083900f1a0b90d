-- Runs that ended long ago are forgotten, oldest first.
CREATE INDEX session_run_ended ON session_run (ended_at) WHERE ended_at IS NOT NULL;
