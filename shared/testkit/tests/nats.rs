//! The broker handle, on real servers.
#![cfg(test)]

use std::collections::HashSet;

use async_nats::jetstream::{self, stream};
use muster_testkit::{DEADLINE, NatsOptions, NatsServer, TemporaryDirectory, eventually};

async fn stream_with(server: &NatsServer, messages: usize) -> jetstream::Context {
    let context = jetstream::new(server.client().await.unwrap());
    let config = stream::Config {
        name: "S".to_owned(),
        subjects: vec!["s.>".to_owned()],
        ..stream::Config::default()
    };
    context.get_or_create_stream(config).await.unwrap();
    for _ in 0..messages {
        let ack = context.publish("s.x", "text".into()).await.unwrap();
        ack.await.unwrap();
    }
    context
}

async fn messages(server: &NatsServer) -> u64 {
    let context = jetstream::new(server.client().await.unwrap());
    let mut stream = context.get_stream("S").await.unwrap();
    stream.info().await.unwrap().state.messages
}

#[tokio::test]
async fn a_killed_server_comes_back_on_its_port_with_its_streams() {
    let mut server = NatsServer::start().await.unwrap();
    stream_with(&server, 3).await;
    let (url, pid) = (server.url(), server.pid());
    server.kill_hard().unwrap();
    assert!(async_nats::connect(&url).await.is_err());
    server.restart().await.unwrap();
    assert_eq!(server.url(), url);
    assert_ne!(server.pid(), pid);
    assert_eq!(messages(&server).await, 3);
}

#[tokio::test]
async fn the_tail_of_a_stream_can_be_cut_off() {
    let mut server = NatsServer::start().await.unwrap();
    stream_with(&server, 2).await;
    assert!(server.store_snapshot().is_err(), "it runs");
    server.stop().await.unwrap();
    let snapshot = server.store_snapshot().unwrap();
    server.restart().await.unwrap();
    stream_with(&server, 3).await;
    assert_eq!(messages(&server).await, 5);
    server.kill_hard().unwrap();
    server.restore_store(&snapshot).unwrap();
    server.restart().await.unwrap();
    assert_eq!(messages(&server).await, 2);
}

#[tokio::test]
async fn servers_are_told_apart_and_leave_nothing() {
    let mut servers = Vec::new();
    for _ in 0..3 {
        servers.push(NatsServer::start().await.unwrap());
    }
    let names: HashSet<_> = servers
        .iter()
        .map(|server| server.name().to_owned())
        .collect();
    assert_eq!(names.len(), 3);
    for server in &servers {
        let client = server.client().await.unwrap();
        assert_eq!(client.server_info().server_name, server.name());
    }
    let left: Vec<_> = servers
        .iter()
        .map(|server| (server.store_directory().to_owned(), server.pid().unwrap()))
        .collect();
    drop(servers);
    for (store, pid) in left {
        assert!(!store.exists());
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    }
}

#[tokio::test]
async fn options_are_used_and_a_given_store_stays() {
    let directory = TemporaryDirectory::new("given store").unwrap();
    let options = NatsOptions {
        configuration: "authorization { users: [ {user: a, password: b} ] }".to_owned(),
        store_directory: Some(directory.path().to_owned()),
        binary: None,
    };
    let server = NatsServer::start_with(options).await.unwrap();
    assert!(server.client().await.is_err());
    let options = async_nats::ConnectOptions::with_user_and_password("a".into(), "b".into());
    options.connect(server.url()).await.unwrap();
    drop(server);
    assert!(directory.join("jetstream").is_dir());
}

#[tokio::test]
async fn a_bad_configuration_is_shown() {
    let options = NatsOptions {
        configuration: "no_such_setting: 1".to_owned(),
        ..NatsOptions::default()
    };
    let error = NatsServer::start_with(options).await.unwrap_err();
    assert!(error.to_string().contains("no_such_setting"), "{error}");
}

#[tokio::test]
async fn a_frozen_server_answers_after_the_thaw() {
    let mut server = NatsServer::start().await.unwrap();
    server.freeze().await.unwrap();
    assert!(muster_testkit::server_info(server.address()).is_err());
    server.thaw().unwrap();
    eventually(DEADLINE, "a greeting", async || {
        muster_testkit::server_info(server.address()).ok()
    })
    .await
    .unwrap();
}
