-- Hooks of nodes: what agents do to them before a session has them and after it gave them back.

-- The agent that runs the hooks of a pool; NULL = it has none. In a name, {hostname} stands for the node.
ALTER TABLE pool ADD COLUMN hook_agent TEXT;
-- Seconds that one attempt may take; NULL = that hook is not needed.
ALTER TABLE pool ADD COLUMN provision_limit BIGINT;
ALTER TABLE pool ADD COLUMN contextualize_limit BIGINT;
ALTER TABLE pool ADD COLUMN deprovision_limit BIGINT;
ALTER TABLE pool ADD COLUMN hook_attempts BIGINT NOT NULL DEFAULT 3;
-- The fill level is as many as there are nodes.
ALTER TABLE pool ADD COLUMN keeps_all_ready BOOLEAN NOT NULL DEFAULT false;
-- Seconds after which a free node is installed anew; NULL = never.
ALTER TABLE pool ADD COLUMN maximum_ready_age BIGINT;
-- Seconds that a node is set aside for after its hooks failed.
ALTER TABLE pool ADD COLUMN quarantine BIGINT NOT NULL DEFAULT 3600;

-- It was in a session and has not been wiped since. Only kept for nodes of pools with hooks.
ALTER TABLE node ADD COLUMN unwiped BOOLEAN NOT NULL DEFAULT false;
-- Attempts of the hook at hand that failed.
ALTER TABLE node ADD COLUMN hook_failures BIGINT NOT NULL DEFAULT 0;
-- How often it was set aside since its hooks last succeeded.
ALTER TABLE node ADD COLUMN quarantines BIGINT NOT NULL DEFAULT 0;
-- When something is to be done to it: the next attempt, or the end of its quarantine. NULL = nothing is, or an agent is at it.
ALTER TABLE node ADD COLUMN hook_due BIGINT;

CREATE INDEX node_hook_due ON node (hook_due) WHERE hook_due IS NOT NULL;

CREATE INDEX node_unused ON node (pool, id) WHERE state = 'unused';

INSERT INTO pool_level (pool, state, nodes) SELECT id, 'quarantined', 0 FROM pool;

-- What agents are doing to nodes at this moment: one thing to each. An order that has come to its end is not in it any more.
CREATE TABLE hook_order (
    id TEXT NOT NULL PRIMARY KEY,
    node BIGINT NOT NULL REFERENCES node (id) ON DELETE CASCADE,
    -- Of the latest lease when it was ordered.
    generation BIGINT NOT NULL,
    hook TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    agent TEXT NOT NULL,
    deadline BIGINT NOT NULL,
    CONSTRAINT hook_order_node UNIQUE (node)
);

CREATE INDEX hook_order_by_deadline ON hook_order (deadline);

CREATE INDEX hook_order_by_agent ON hook_order (agent);

-- Requests that got nodes which are being prepared. What was answered is not in it any more.
CREATE TABLE contextualizing_request (
    request TEXT NOT NULL PRIMARY KEY,
    session TEXT NOT NULL,
    tenant TEXT NOT NULL,
    -- JSON.
    demands TEXT NOT NULL,
    enqueued_at BIGINT NOT NULL,
    -- 0 = it does not wait.
    wait_until BIGINT NOT NULL,
    -- JSON: the nodes, and the places of those that could not be prepared.
    places TEXT NOT NULL,
    -- It waits for nodes in the place of some that could not be prepared.
    short BOOLEAN NOT NULL
);

CREATE INDEX contextualizing_request_by_end ON contextualizing_request (wait_until) WHERE short;

CREATE INDEX contextualizing_request_by_session ON contextualizing_request (session);
