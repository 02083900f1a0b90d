//! A run of code that is a program of its own: nothing of it is left for the next one but files.

use std::{io, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    time::{Instant, sleep_until},
};

use super::{
    CODE, DIED, Place, Progress,
    output::{Output, Text},
};
use crate::containers::main_process::{SCRATCH_DIRECTORY, exit_code};

/// How long the last words of a program that has ended may take to arrive. Longer only if something that it left running holds its
/// output open.
const OUTPUT_PATIENCE: Duration = Duration::from_millis(200);

/// Bytes that are read at once.
const PIECE: usize = 16 * 1024;

/// The program of one run.
#[derive(Debug)]
pub(super) struct SingleRun {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    said: Text,
    complained: Text,
    /// Its exit code, once it has ended, and when to stop waiting for its last words.
    ended: Option<(i32, Instant)>,
}

impl SingleRun {
    /// Starts it, with the code in its place.
    pub(super) fn start(place: Place<'_>, code: &str) -> io::Result<Self> {
        // Nothing that has a NUL in it can be handed to a program.
        let code = code.replace('\0', "\u{fffd}");
        let mut words = place.command.iter().map(|word| word.replace(CODE, &code));
        let program = words.next().unwrap_or_default();
        let mut child = Command::new(program)
            .args(words)
            .env_clear()
            .envs(place.environment)
            .current_dir(place.directory.join(SCRATCH_DIRECTORY))
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        Ok(Self {
            stdin: child.stdin.take(),
            stdout: child.stdout.take(),
            stderr: child.stderr.take(),
            child,
            said: Text::default(),
            complained: Text::default(),
            ended: None,
        })
    }

    /// The group of its processes.
    pub(super) fn group(&self) -> Option<i32> {
        i32::try_from(self.child.id()?).ok()
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
                status = self.child.wait(), if self.ended.is_none() => {
                    let code = status.ok().and_then(exit_code).unwrap_or(DIED);
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
