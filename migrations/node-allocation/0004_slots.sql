-- Slots of agents for the containers of compute sessions. Slots are JSON: amounts as text by the name of the slot. How much of an
-- agent, or of a quota, is used is the sum of the live leases and stands nowhere else.

-- Agents that run containers, as they say it of themselves.
CREATE TABLE agent (
    name TEXT NOT NULL PRIMARY KEY,
    scaling_group TEXT NOT NULL,
    status TEXT NOT NULL,
    -- Of a beat, not older than the latest by more than a part of the time after which it counts as lost.
    seen_at BIGINT NOT NULL,
    instance TEXT NOT NULL,
    version TEXT NOT NULL,
    address TEXT NOT NULL,
    slots TEXT NOT NULL
);

CREATE INDEX agent_by_group ON agent (scaling_group, name);

CREATE INDEX agent_alive ON agent (seen_at) WHERE status = 'alive';

CREATE INDEX agent_lost ON agent (seen_at) WHERE status = 'lost';

-- The groups of agents that the site declares.
CREATE TABLE scaling_group (
    name TEXT NOT NULL PRIMARY KEY,
    -- Its place in the site file: the first that a project may use is the one for those that name none.
    place BIGINT NOT NULL,
    scheduler TEXT NOT NULL,
    -- JSON: names; NULL = all may use it.
    projects TEXT
);

-- What the sessions of a key pair, a project (group) or a domain may have together.
CREATE TABLE slot_quota (
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    -- NULL = any number.
    sessions BIGINT,
    -- Slots that are not named are not limited.
    slots TEXT NOT NULL,
    PRIMARY KEY (scope, name)
);

-- Who got what of which agent, and when.
CREATE TABLE slot_lease (
    session TEXT NOT NULL,
    -- Place of the container among those of the session, counted from 0.
    container BIGINT NOT NULL,
    request TEXT NOT NULL,
    agent TEXT NOT NULL,
    scaling_group TEXT NOT NULL,
    owner TEXT NOT NULL,
    tenant TEXT NOT NULL,
    domain TEXT NOT NULL,
    slots TEXT NOT NULL,
    granted_at BIGINT NOT NULL,
    -- NULL = live.
    ended_at BIGINT,
    PRIMARY KEY (session, container)
);

-- Everything that the sum needs, the condition too, so that a year of ended leases costs it nothing.
CREATE INDEX slot_lease_live ON slot_lease (agent, scaling_group, owner, tenant, domain, slots, container, ended_at)
WHERE ended_at IS NULL;

CREATE INDEX slot_lease_ended ON slot_lease (ended_at) WHERE ended_at IS NOT NULL;

-- Sessions that wait for slots. What was answered for good is not in it any more.
CREATE TABLE slot_request (
    request TEXT NOT NULL PRIMARY KEY,
    session TEXT NOT NULL,
    owner TEXT NOT NULL,
    tenant TEXT NOT NULL,
    domain TEXT NOT NULL,
    scaling_group TEXT NOT NULL,
    -- Of each container.
    slots TEXT NOT NULL,
    containers BIGINT NOT NULL,
    on_one_agent BOOLEAN NOT NULL,
    not_before BIGINT,
    -- No two are alike, so this is the order in which they came.
    enqueued_at BIGINT NOT NULL,
    -- What it waits for, as its session was told last.
    reason TEXT NOT NULL,
    CONSTRAINT slot_request_session UNIQUE (session)
);

CREATE INDEX slot_request_by_age ON slot_request (enqueued_at);

CREATE INDEX slot_request_not_yet ON slot_request (not_before) WHERE reason = 'not-yet';
