//! A run of code that is a program of its own: nothing of it is left for the next one but files.

use std::{fmt, io, pin::Pin, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    process::Child,
    time::{Instant, sleep_until},
};

use super::{
    CODE, DIED, Place, Progress,
    output::{Output, Text},
};
use crate::containers::{
    entering::program,
    main_process::{SCRATCH_DIRECTORY, exit_code},
};

/// How long the last words of a program that has ended may take to arrive. Longer only if something that it left running holds its
/// output open.
const OUTPUT_PATIENCE: Duration = Duration::from_millis(200);

/// Bytes that are read at once.
const PIECE: usize = 16 * 1024;

/// What it reads and what is read of it.
type Input = Pin<Box<dyn AsyncWrite + Send>>;
type Stream = Pin<Box<dyn AsyncRead + Send>>;

/// The program of one run.
pub(super) struct SingleRun {
    program: Program,
    group: Option<i32>,
    stdin: Option<Input>,
    stdout: Option<Stream>,
    stderr: Option<Stream>,
    said: Text,
    complained: Text,
    /// Its exit code, once it has ended, and when to stop waiting for its last words.
    ended: Option<(i32, Instant)>,
}

enum Program {
    Process(Child),
    InDocker(Exited),
}

/// The exit code of a program in Docker.
type Exited = Pin<Box<dyn Future<Output = i32> + Send>>;

impl fmt::Debug for SingleRun {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("SingleRun");
        shown.field("group", &self.group);
        shown.field("ended", &self.ended).finish_non_exhaustive()
    }
}

impl Program {
    /// Waits for its end; not to be asked again after that.
    async fn exited(&mut self) -> i32 {
        match self {
            Self::Process(child) => child.wait().await.ok().and_then(exit_code).unwrap_or(DIED),
            Self::InDocker(exited) => exited.await,
        }
    }
}

impl SingleRun {
    /// Starts it, with the code in its place.
    pub(super) async fn start(place: Place<'_>, code: &str) -> io::Result<Self> {
        // Nothing that has a NUL in it can be handed to a program.
        let code = code.replace('\0', "\u{fffd}");
        if let Some((engine, container)) = place.docker {
            let words = place.command.iter().map(|word| word.replace(CODE, &code));
            let mut run = engine.run(container, words.collect()).await?;
            let (stdin, group) = (run.stdin.take(), run.number);
            let (stdout, stderr) = (run.stdout.take(), run.stderr.take());
            let exited = Box::pin(async move { run.exited().await });
            return Ok(Self {
                program: Program::InDocker(exited),
                group,
                stdin,
                stdout: stdout.map(|stream| Box::pin(stream) as Stream),
                stderr: stderr.map(|stream| Box::pin(stream) as Stream),
                said: Text::default(),
                complained: Text::default(),
                ended: None,
            });
        }
        let words = place.command.iter().map(|word| word.replace(CODE, &code));
        let mut child = program(place.directory, words)
            .env_clear()
            .envs(place.environment)
            .current_dir(place.directory.join(SCRATCH_DIRECTORY))
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        Ok(Self {
            group: child.id().and_then(|number| i32::try_from(number).ok()),
            stdin: child.stdin.take().map(|stream| Box::pin(stream) as Input),
            stdout: child.stdout.take().map(|stream| Box::pin(stream) as Stream),
            stderr: child.stderr.take().map(|stream| Box::pin(stream) as Stream),
            program: Program::Process(child),
            said: Text::default(),
            complained: Text::default(),
            ended: None,
        })
    }

    /// The group of its processes.
    pub(super) fn group(&self) -> Option<i32> {
        self.group
    }

    /// Gives it a line to read.
    pub(super) async fn input(&mut self, text: &str) -> io::Result<()> {
        if let Some(stdin) = &mut self.stdin {
            stdin.write_all(format!("{text}\n").as_bytes()).await?;
            stdin.flush().await?;
        }
        Ok(())
    }

    /// What it writes, until it has ended or the time is over. Whether it waits for input cannot be seen from outside.
    pub(super) async fn collect(&mut self, until: Instant, output: &mut Output) -> Progress {
        let (mut first, mut second) = (vec![0; PIECE], vec![0; PIECE]);
        while !output.is_full() {
            let last = self
                .ended
                .map_or(until, |(_, patience)| patience.min(until));
            if let (None, None, Some((code, _))) = (&self.stdout, &self.stderr, self.ended) {
                return self.finish(code, output);
            }
            tokio::select! {
                biased;
                count = read(&mut self.stdout, &mut first) => {
                    self.said.take(first.get(..count), "stdout", output);
                }
                count = read(&mut self.stderr, &mut second) => {
                    self.complained.take(second.get(..count), "stderr", output);
                }
                code = self.program.exited(), if self.ended.is_none() => {
                    self.ended = Some((code, Instant::now() + OUTPUT_PATIENCE));
                }
                () = sleep_until(last) => break,
            }
        }
        match self.ended {
            Some((code, patience)) if patience <= Instant::now() => self.finish(code, output),
            _ => Progress::Continued,
        }
    }

    fn finish(&mut self, code: i32, output: &mut Output) -> Progress {
        output.push("stdout", &self.said.end());
        output.push("stderr", &self.complained.end());
        Progress::Finished(code)
    }
}

impl Text {
    fn take(&mut self, bytes: Option<&[u8]>, kind: &str, output: &mut Output) {
        output.push(kind, &self.push(bytes.unwrap_or_default()));
    }
}

/// Some of it; at its end it becomes `None`, of which nothing ever comes.
async fn read(from: &mut Option<impl tokio::io::AsyncRead + Unpin>, to: &mut [u8]) -> usize {
    let Some(pipe) = from else {
        return std::future::pending().await;
    };
    if let Ok(count @ 1..) = pipe.read(to).await {
        return count;
    }
    *from = None;
    0
}
