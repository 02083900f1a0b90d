//! Servers of the testkit run on a runtime of their own: a test that blocks its thread, for example
//! while a command runs, does not hold them up.

use std::{future::Future, net::SocketAddr};

use anyhow::{Context, Result};
use tokio::{
    net::TcpListener,
    runtime::{Builder, Runtime},
};

/// A runtime with one thread, ended with everything on it when dropped.
#[derive(Debug)]
pub(crate) struct Background {
    /// Always there until dropped.
    runtime: Option<Runtime>,
}

impl Background {
    /// Opens a free port on 127.0.0.1 and runs `serve` with it until this value is dropped.
    pub(crate) fn serve<F>(
        name: &str,
        serve: impl FnOnce(TcpListener) -> F,
    ) -> Result<(Self, SocketAddr)>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name(name)
            .enable_all()
            .build()
            .with_context(|| format!("a runtime for the {name}"))?;
        let listener = std::net::TcpListener::bind("127.0.0.1:0")
            .with_context(|| format!("a port for the {name}"))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener)?
        };
        runtime.spawn(serve(listener));
        let runtime = Some(runtime);
        Ok((Self { runtime }, address))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Dropping a runtime waits, which the test's own runtime does not allow.
            runtime.shutdown_background();
        }
    }
}
