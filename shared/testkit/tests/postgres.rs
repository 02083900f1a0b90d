//! The database server handle, on real servers.
#![cfg(test)]

use muster_testkit::{ChaosProxy, PostgresServer, skip};
use sqlx::{Connection, PgConnection};

/// Whether there can be a server; says so if not.
fn available() -> bool {
    let available = PostgresServer::available();
    if let Err(reason) = &available {
        skip("the testkit's PostgreSQL server", reason);
    }
    available.is_ok()
}

async fn count(url: &str) -> i64 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar("SELECT count(*) FROM notes")
        .fetch_one(&mut connection)
        .await
        .unwrap()
}

async fn insert(url: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    for statement in [
        "CREATE TABLE IF NOT EXISTS notes (text TEXT NOT NULL)",
        "INSERT INTO notes VALUES ('one')",
    ] {
        sqlx::query(statement)
            .execute(&mut connection)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn each_test_has_a_database_of_its_own_on_a_server_that_syncs() {
    if !available() {
        return;
    }
    let server = PostgresServer::shared().await.unwrap();
    let one = server.create_database().await.unwrap();
    let other = server.create_database().await.unwrap();
    assert_ne!(one, other);
    insert(&one).await;
    assert_eq!(count(&one).await, 1);
    let mut connection = PgConnection::connect(&other).await.unwrap();
    let fsync: String = sqlx::query_scalar("SELECT current_setting('fsync')")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(fsync, "on");
    assert!(std::ptr::eq(
        server,
        PostgresServer::shared().await.unwrap()
    ));
}

#[tokio::test]
async fn a_killed_server_comes_back_with_what_was_committed() {
    if !available() {
        return;
    }
    let mut server = PostgresServer::start().await.unwrap();
    let url = server.create_database().await.unwrap();
    insert(&url).await;
    server.kill_hard().await.unwrap();
    assert!(PgConnection::connect(&url).await.is_err());
    server.restart().await.unwrap();
    assert_eq!(count(&url).await, 1);
    let pid = server.pid().unwrap();
    drop(server);
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
}

#[tokio::test]
async fn its_connections_can_go_through_a_proxy() {
    if !available() {
        return;
    }
    let server = PostgresServer::shared().await.unwrap();
    let url = server.create_database().await.unwrap();
    let proxy = ChaosProxy::start(server.address()).unwrap();
    let through = url.replace(&server.address().to_string(), &proxy.address().to_string());
    insert(&through).await;
    let mut connection = PgConnection::connect(&through).await.unwrap();
    proxy.cut();
    assert!(connection.ping().await.is_err());
    proxy.resume();
    assert_eq!(count(&through).await, 1);
}
