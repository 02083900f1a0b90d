//! A conversation with the interpreter that stays: lines of JSON over a unix socket (`README.md` has the protocol).

use std::{
    fs::{self, File},
    io,
    os::fd::AsRawFd as _,
    path::Path,
    process::Stdio,
    time::Duration,
};

use muster_platform::{Ids as _, RandomIds};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    time::{Instant, sleep, timeout, timeout_at},
};
use uuid::Uuid;

use super::{DIED, Place, Progress, output::Output};
use crate::containers::{
    docker::CODE_PLACE,
    entering::program,
    log,
    main_process::{LOG_FILE, SCRATCH_DIRECTORY},
};

/// The interpreter for Python that comes with the agent, and what stands for it in the command of an image.
const PYTHON: &str = include_str!("interpreter.py");
const PYTHON_FILE: &str = "interpreter.py";
const PYTHON_PLACE: &str = "{interpreter.py}";

/// The socket that the interpreter listens on, in the container's directory.
const SOCKET: &str = "interpreter.sock";
const SOCKET_VARIABLE: &str = "MUSTER_INTERPRETER_SOCKET";

/// How long an interpreter may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(20);

/// Between two looks whether it does.
const LOOK_PAUSE: Duration = Duration::from_millis(10);

/// How long it may take to read what it is told.
const WRITE_LIMIT: Duration = Duration::from_secs(5);

/// Bytes that one line may have.
const LINE_LIMIT: usize = 1024 * 1024;

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum ToInterpreter<'a> {
    Query { run: Uuid, code: &'a str },
    Input { text: &'a str },
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum FromInterpreter {
    Output { kind: String, text: String },
    WaitingInput { run: Uuid },
    Finished { run: Uuid, exit_code: i32 },
}

/// The connection with an interpreter.
#[derive(Debug)]
pub(super) struct Conversation {
    stream: UnixStream,
    /// Read, and not looked at yet.
    read: Vec<u8>,
    run: Uuid,
}

impl Conversation {
    /// With the interpreter that an earlier agent has started, or with a new one.
    pub(super) async fn begin(place: Place<'_>) -> io::Result<Self> {
        let directory = File::open(place.directory)?;
        match UnixStream::connect(path(&directory)).await {
            Ok(stream) => Ok(Self::over(stream)),
            Err(_) => Self::begin_anew(place).await,
        }
    }

    /// With a new interpreter.
    pub(super) async fn begin_anew(place: Place<'_>) -> io::Result<Self> {
        let directory = File::open(place.directory)?;
        Ok(Self::over(start(place, &path(&directory)).await?))
    }

    fn over(stream: UnixStream) -> Self {
        Self {
            stream,
            read: Vec::new(),
            run: Uuid::nil(),
        }
    }

    /// The group of the interpreter's processes: as the kernel says, it is the one that listens.
    pub(super) fn group(&self) -> Option<i32> {
        self.stream.peer_cred().ok()?.pid()
    }

    /// Has it run code.
    pub(super) async fn query(&mut self, code: &str) -> io::Result<()> {
        // Not one that an earlier agent has given.
        self.run = RandomIds.next();
        let run = self.run;
        self.write(&ToInterpreter::Query { run, code }).await
    }

    /// Gives it the line that it waits for.
    pub(super) async fn input(&mut self, text: &str) -> io::Result<()> {
        self.write(&ToInterpreter::Input { text }).await
    }

    async fn write(&mut self, message: &ToInterpreter<'_>) -> io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        timeout(WRITE_LIMIT, self.stream.write_all(&line))
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    /// What it writes, until it has come to the end of the code or the time is over.
    pub(super) async fn collect(&mut self, until: Instant, output: &mut Output) -> Progress {
        loop {
            while let Some(line) = self.line() {
                // What cannot be understood is for a newer agent.
                match serde_json::from_slice(&line) {
                    Ok(FromInterpreter::Output { kind, text }) => output.push(&kind, &text),
                    Ok(FromInterpreter::WaitingInput { run }) if run == self.run => {
                        return Progress::WaitingInput;
                    }
                    Ok(FromInterpreter::Finished { run, exit_code }) if run == self.run => {
                        return Progress::Finished(exit_code);
                    }
                    // Of a run that an earlier agent has begun.
                    _ => {}
                }
                if output.is_full() {
                    return Progress::Continued;
                }
            }
            if self.read.len() > LINE_LIMIT {
                return Progress::Finished(DIED);
            }
            match timeout_at(until, self.stream.read_buf(&mut self.read)).await {
                Ok(Ok(1..)) => {}
                Ok(_) => return Progress::Finished(DIED),
                Err(_) => return Progress::Continued,
            }
        }
    }

    fn line(&mut self) -> Option<Vec<u8>> {
        let end = self.read.iter().position(|byte| *byte == b'\n')?;
        Some(self.read.drain(..=end).collect())
    }
}

/// The socket by a path that is short enough: that of a socket may have 108 bytes.
fn path(directory: &File) -> String {
    format!("/proc/self/fd/{}/{SOCKET}", directory.as_raw_fd())
}

/// Starts an interpreter and waits until it listens.
async fn start(place: Place<'_>, path: &str) -> io::Result<UnixStream> {
    let script = place.directory.join(PYTHON_FILE);
    fs::write(&script, PYTHON)?;
    let socket = place.directory.join(SOCKET);
    // Of one that has died.
    let _ = fs::remove_file(&socket);
    if let Some((engine, container)) = place.docker {
        let script = format!("{CODE_PLACE}/{PYTHON_FILE}");
        let words = place.command.iter();
        let words = words.map(|word| word.replace(PYTHON_PLACE, &script));
        let socket = format!("{SOCKET_VARIABLE}={CODE_PLACE}/{SOCKET}");
        engine
            .begin(container, words.collect(), vec![socket])
            .await?;
        return timeout(START_LIMIT, connect(path))
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut));
    }
    let words = |word: &String| word.replace(PYTHON_PLACE, &script.to_string_lossy());
    let words = place.command.iter().map(words);
    let output = log::open(&place.directory.join(LOG_FILE))?;
    let mut child = program(place.directory, words)
        .env_clear()
        .envs(place.environment)
        .env(SOCKET_VARIABLE, &socket)
        .current_dir(scratch(place.directory))
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()?;
    let stream = tokio::select! {
        biased;
        stream = timeout(START_LIMIT, connect(path)) => {
            stream.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))
        }
        status = child.wait() => {
            let text = status.map_or_else(|error| error.to_string(), |status| status.to_string());
            Err(io::Error::other(format!("the interpreter has ended: {text}")))
        }
    };
    // Somebody has to wait for its end.
    tokio::spawn(async move { child.wait().await });
    stream
}

/// As soon as somebody listens.
async fn connect(path: &str) -> UnixStream {
    loop {
        match UnixStream::connect(path).await {
            Ok(stream) => return stream,
            Err(_) => sleep(LOOK_PAUSE).await,
        }
    }
}

fn scratch(directory: &Path) -> std::path::PathBuf {
    directory.join(SCRATCH_DIRECTORY)
}
