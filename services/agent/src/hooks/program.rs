//! One program, from its start to its end.

use std::{
    io,
    path::Path,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::unix::pipe::Receiver,
    process::{Child, ChildStdin, Command},
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{process_group::ProcessGroup, tail::Tail};

/// How long a program that was asked to end may take before it is killed. Well under the time that the control plane goes on
/// waiting for a report after the deadline.
const END_PATIENCE: Duration = Duration::from_secs(3);

/// How long the last words of an ended program may take to arrive. Longer only if something that it left running holds its
/// output open.
const OUTPUT_PATIENCE: Duration = Duration::from_secs(1);

/// Bytes of output that are kept while it runs.
const OUTPUT_LIMIT: usize = 16 * 1024;

/// Variables that begin so are the agent's own: settings, among them passwords.
const OWN_VARIABLES: &str = "MUSTER";

/// A program that runs, the leader of its own process group. Dropped before its end, it is killed with the group.
pub(crate) struct Program {
    child: Child,
    group: ProcessGroup,
    output: Arc<Mutex<Tail>>,
    reading: JoinHandle<()>,
    writing: JoinHandle<()>,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HowEnded {
    /// By itself.
    Exited(ExitStatus),
    /// Its time was over.
    TimedOut,
    /// The agent stops.
    Stopped,
}

impl Program {
    /// Starts it with these environment variables beside the agent's, and `input` to read.
    pub(crate) fn start<'a>(
        path: &Path,
        environment: impl IntoIterator<Item = (&'a str, &'a str)>,
        input: Vec<u8>,
    ) -> io::Result<Self> {
        // One pipe for both, so that what is said keeps its order.
        let (output, said) = io::pipe()?;
        let mut command = Command::new(path);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with(OWN_VARIABLES) {
                command.env_remove(name);
            }
        }
        for (name, value) in environment {
            // Nothing that has a NUL in it can be handed to a program.
            command.env(name, value.replace('\0', "\u{fffd}"));
        }
        command
            .current_dir(path.parent().unwrap_or(Path::new("/")))
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(said.try_clone()?)
            .stderr(said);
        let output = Receiver::from_owned_fd(output.into())?;
        let mut child = command.spawn()?;
        // Else the pipe would stay open for as long as the command is there.
        drop(command);
        let group = child.id().and_then(ProcessGroup::led_by);
        let group = group.ok_or_else(|| io::Error::other("it has no process id"))?;
        let tail = Arc::new(Mutex::new(Tail::new(OUTPUT_LIMIT)));
        let writing = tokio::spawn(write(child.stdin.take(), input));
        Ok(Self {
            child,
            group,
            reading: tokio::spawn(read(output, tail.clone())),
            writing,
            output: tail,
        })
    }

    /// Its processes.
    pub(crate) fn group(&self) -> ProcessGroup {
        self.group
    }

    /// Waits for its end, and brings it about when `time` is over or the agent stops. What it started ends with it, unless it
    /// succeeded: then what still runs was left to run. Returns what it said last, in at most `limit` bytes.
    pub(crate) async fn end(
        mut self,
        time: Duration,
        stop: &CancellationToken,
        limit: usize,
    ) -> io::Result<(HowEnded, String)> {
        let early = tokio::select! {
            biased;
            status = self.child.wait() => HowEnded::Exited(status?),
            () = sleep(time) => HowEnded::TimedOut,
            () = stop.cancelled() => HowEnded::Stopped,
        };
        if !matches!(early, HowEnded::Exited(_)) {
            let (status, ()) = tokio::join!(self.child.wait(), self.group.end(END_PATIENCE));
            status?;
        }
        // What a program that failed has left would go on beside the next attempt. The number cannot have been used again this
        // soon: they are given out in turn.
        if !matches!(early, HowEnded::Exited(status) if status.success()) {
            self.group.kill();
        }
        let _ = timeout(OUTPUT_PATIENCE, &mut self.reading).await;
        let said = lock(&self.output).lines(limit);
        Ok((early, said))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Without an id it was waited for, and then its group is gone.
        if self.child.id().is_some() {
            self.group.kill();
        }
        self.reading.abort();
        self.writing.abort();
    }
}

async fn write(stdin: Option<ChildStdin>, input: Vec<u8>) {
    if let Some(mut stdin) = stdin {
        // A program need not read.
        let _ = stdin.write_all(&input).await;
    }
}

async fn read(mut output: Receiver, tail: Arc<Mutex<Tail>>) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = output.read(&mut buffer).await {
        lock(&tail).push(buffer.get(..count).unwrap_or_default());
    }
}

fn lock(tail: &Mutex<Tail>) -> MutexGuard<'_, Tail> {
    // Nothing panics while holding the lock.
    tail.lock().unwrap_or_else(PoisonError::into_inner)
}
