-- Leases that ended long ago are forgotten, oldest first.
CREATE INDEX lease_ended ON lease (released_at) WHERE released_at IS NOT NULL;
