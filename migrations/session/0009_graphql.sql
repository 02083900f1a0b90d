-- Lists of compute sessions: in each order of a page, of an access key, of a project, of a domain, and of all.

-- Each of these leads to what is over and to what is not: the status comes before the order.
DROP INDEX compute_session_over_of_owner;

DROP INDEX compute_session_over_of_tenant;

DROP INDEX compute_session_over_of_domain;

CREATE INDEX compute_session_changed_of_owner ON compute_session (owner, status, status_changed_at, id);

CREATE INDEX compute_session_changed_of_tenant ON compute_session (tenant, status, status_changed_at, id);

CREATE INDEX compute_session_changed_of_domain ON compute_session (domain, status, status_changed_at, id);

CREATE INDEX compute_session_changed ON compute_session (status, status_changed_at, id);

CREATE INDEX compute_session_created_of_owner ON compute_session (owner, status, created_at, id);

CREATE INDEX compute_session_created_of_tenant ON compute_session (tenant, status, created_at, id);

CREATE INDEX compute_session_created_of_domain ON compute_session (domain, status, created_at, id);

CREATE INDEX compute_session_created ON compute_session (status, created_at, id);

CREATE INDEX compute_session_named_of_owner ON compute_session (owner, status, name, id);

CREATE INDEX compute_session_named_of_tenant ON compute_session (tenant, status, name, id);

CREATE INDEX compute_session_named_of_domain ON compute_session (domain, status, name, id);

CREATE INDEX compute_session_named ON compute_session (status, name, id);

-- How many there are of each kind, so that nobody counts them for a page. Written in the transaction that changes a session.
CREATE TABLE compute_session_count (
    owner TEXT NOT NULL,
    tenant TEXT NOT NULL,
    domain TEXT NOT NULL,
    status TEXT NOT NULL,
    number BIGINT NOT NULL,
    -- How often one of these came, went, or got another place in an order: a page that was read at the same number still is what it was.
    changes BIGINT NOT NULL,
    PRIMARY KEY (owner, tenant, domain, status)
);

CREATE INDEX compute_session_count_of_tenant ON compute_session_count (tenant);

CREATE INDEX compute_session_count_of_domain ON compute_session_count (domain);

INSERT INTO compute_session_count (owner, tenant, domain, status, number, changes)
SELECT owner, tenant, domain, status, COUNT(*), 0
FROM compute_session
GROUP BY owner, tenant, domain, status;
