//! A real S3 server in this process, on a port of its own.

use std::{net::SocketAddr, path::Path};

use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use muster_testkit::TemporaryDirectory;
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use tokio::{net::TcpListener, runtime::Runtime};

/// The one bucket.
pub(super) const BUCKET: &str = "jobs";

const KEY: &str = "AKIDEXAMPLE";
const SECRET: &str = "a-secret-for-a-test";

/// The server; stopped when it is dropped.
pub(super) struct S3Server {
    directory: TemporaryDirectory,
    address: SocketAddr,
    /// With all its connections.
    runtime: Option<Runtime>,
}

impl S3Server {
    pub(super) fn start() -> Self {
        let directory = TemporaryDirectory::new("s3").unwrap();
        std::fs::create_dir(directory.join(BUCKET)).unwrap();
        let mut server = Self {
            directory,
            address: ([127, 0, 0, 1], 0).into(),
            runtime: None,
        };
        server.start_again();
        server
    }

    /// On the port it had.
    pub(super) fn start_again(&mut self) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = std::net::TcpListener::bind(self.address).unwrap();
        listener.set_nonblocking(true).unwrap();
        self.address = listener.local_addr().unwrap();
        let files = s3s_fs::FileSystem::new(self.directory.path()).unwrap();
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let service = service.build();
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            loop {
                let (connection, _) = listener.accept().await.unwrap();
                let service = service.clone();
                tokio::spawn(async move {
                    let serving = Builder::new(TokioExecutor::new());
                    let connection = serving.serve_connection(TokioIo::new(connection), service);
                    let _ = connection.await;
                });
            }
        });
        self.runtime = Some(runtime);
    }

    pub(super) fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    /// The address of an archive there.
    pub(super) fn url(&self, prefix: &str) -> String {
        let address = self.address;
        format!("s3://{KEY}:{SECRET}@{BUCKET}/{prefix}?endpoint=http://{address}&region=us-east-1")
    }

    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.stop();
    }
}
