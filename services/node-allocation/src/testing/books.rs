//! Whether the tables agree with each other.

use muster_storage::Database;

use crate::slots::testing::check_slots;

/// Checks that what the tables count is what they hold: levels, what projects hold, leases, and slots.
pub(crate) async fn check_books(database: &Database) {
    for (what, sql) in [
        (
            "levels",
            "SELECT COUNT(*) FROM pool_level WHERE nodes <> \
                 (SELECT COUNT(*) FROM node WHERE node.pool = pool_level.pool AND node.state = pool_level.state)",
        ),
        (
            "nodes in levels",
            "SELECT (SELECT COUNT(*) FROM node) - (SELECT COALESCE(CAST(SUM(nodes) AS BIGINT), 0) FROM pool_level)",
        ),
        (
            "what projects hold",
            "SELECT COUNT(*) FROM tenant WHERE held <> (SELECT COUNT(*) FROM node WHERE node.tenant = tenant.name)",
        ),
        (
            "nodes of projects",
            "SELECT (SELECT COUNT(*) FROM node WHERE tenant IS NOT NULL) \
                 - (SELECT COALESCE(CAST(SUM(held) AS BIGINT), 0) FROM tenant)",
        ),
        (
            "leases",
            "SELECT COUNT(*) FROM node LEFT JOIN lease ON lease.node = node.id AND lease.released_at IS NULL \
             WHERE COALESCE(node.session, '') <> COALESCE(lease.session, '') \
                 OR (lease.node IS NOT NULL AND lease.generation <> node.generation)",
        ),
        (
            "times of leases",
            "SELECT COUNT(*) FROM lease JOIN lease AS next ON next.node = lease.node AND next.generation = lease.generation + 1 \
             WHERE lease.released_at IS NULL OR lease.released_at > next.granted_at OR lease.released_at < lease.granted_at",
        ),
        (
            "leases of nodes that are gone",
            "SELECT COUNT(*) FROM lease LEFT JOIN node ON node.id = lease.node \
             WHERE lease.released_at IS NULL AND node.id IS NULL",
        ),
        (
            "quotas",
            "SELECT COUNT(*) FROM tenant WHERE held > node_quota",
        ),
    ] {
        let wrong: Vec<(i64,)> = database.fetch_all(sql, &[]).await.unwrap();
        assert_eq!(wrong[0].0, 0, "{what}");
    }
    check_slots(database).await;
}
