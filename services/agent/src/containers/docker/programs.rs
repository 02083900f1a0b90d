//! Programs that are run in a container beside its main process.

use std::{io, pin::Pin, time::Duration};

use bollard::{
    container::LogOutput,
    errors::Error,
    exec::{CreateExecOptions, StartExecOptions, StartExecResults},
};
use futures_util::{Stream, StreamExt as _};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt as _, DuplexStream, duplex},
    sync::watch,
    time::sleep,
};
use uuid::Uuid;

use super::{
    creation::HOME,
    engine::{Engine, EngineError, name},
};
use crate::containers::main_process::UNSEEN;

/// Bytes of output that wait for a reader.
const BUFFER: usize = 64 * 1024;

/// Looks at a program whose output has ended, and the pause between them.
const LOOKS: u32 = 100;
const LOOK_PAUSE: Duration = Duration::from_millis(20);

/// A program whose output is read.
pub(in crate::containers) struct ExecProgram {
    pub(in crate::containers) stdin: Option<Pin<Box<dyn AsyncWrite + Send>>>,
    pub(in crate::containers) stdout: Option<DuplexStream>,
    pub(in crate::containers) stderr: Option<DuplexStream>,
    /// Its number on the machine.
    pub(in crate::containers) number: Option<i32>,
    exited: watch::Receiver<Option<i32>>,
}

impl ExecProgram {
    /// Waits for its end.
    pub(in crate::containers) async fn exited(&mut self) -> i32 {
        let code = self.exited.wait_for(Option::is_some).await;
        code.ok().and_then(|code| *code).unwrap_or(UNSEEN)
    }
}

impl Engine {
    /// Runs a program in a container, in its home directory.
    pub(in crate::containers) async fn run(
        &self,
        container: Uuid,
        command: Vec<String>,
    ) -> io::Result<ExecProgram> {
        let id = self
            .prepare(container, command, Vec::new(), true)
            .await
            .map_err(io::Error::other)?;
        let started = self.client.start_exec(&id, None).await;
        let started = started
            .map_err(EngineError::from)
            .map_err(io::Error::other)?;
        let StartExecResults::Attached { output, input } = started else {
            return Err(io::Error::other("Docker gives nothing to read"));
        };
        let number = self.client.inspect_exec(&id).await.ok();
        let number = number.and_then(|program| i32::try_from(program.pid?).ok());
        let (stdout, said) = duplex(BUFFER);
        let (stderr, complained) = duplex(BUFFER);
        let (tell, exited) = watch::channel(None);
        let client = self.client.clone();
        tokio::spawn(async move {
            carry(output, said, complained).await;
            let mut code = UNSEEN;
            for _ in 0..LOOKS {
                let Ok(program) = client.inspect_exec(&id).await else {
                    break;
                };
                if program.running == Some(false) {
                    let exit = program.exit_code.and_then(|code| i32::try_from(code).ok());
                    code = exit.unwrap_or(UNSEEN);
                    break;
                }
                sleep(LOOK_PAUSE).await;
            }
            let _ = tell.send(Some(code));
        });
        Ok(ExecProgram {
            stdin: Some(input),
            stdout: Some(stdout),
            stderr: Some(stderr),
            number: number.filter(|number| *number > 0),
            exited,
        })
    }

    /// Begins a program in a container that goes on without anybody reading what it writes.
    pub(in crate::containers) async fn begin(
        &self,
        container: Uuid,
        command: Vec<String>,
        words: Vec<String>,
    ) -> io::Result<()> {
        let id = self
            .prepare(container, command, words, false)
            .await
            .map_err(io::Error::other)?;
        let options = StartExecOptions {
            detach: true,
            ..StartExecOptions::default()
        };
        let started = self.client.start_exec(&id, Some(options)).await;
        started
            .map_err(EngineError::from)
            .map_err(io::Error::other)?;
        Ok(())
    }

    async fn prepare(
        &self,
        container: Uuid,
        command: Vec<String>,
        words: Vec<String>,
        attached: bool,
    ) -> Result<String, EngineError> {
        let options = CreateExecOptions {
            attach_stdin: Some(attached),
            attach_stdout: Some(attached),
            attach_stderr: Some(attached),
            cmd: Some(command),
            env: Some(words),
            working_dir: Some(HOME.to_owned()),
            ..CreateExecOptions::default()
        };
        Ok(self.client.create_exec(&name(container), options).await?.id)
    }
}

/// Carries output to whoever reads it, at the reader's speed, until it ends.
async fn carry(
    mut output: Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>,
    mut said: DuplexStream,
    mut complained: DuplexStream,
) {
    while let Some(Ok(piece)) = output.next().await {
        let to = match &piece {
            LogOutput::StdErr { .. } => &mut complained,
            _ => &mut said,
        };
        // Nobody reads any more: what it writes is let go of.
        let _ = to.write_all(&piece.into_bytes()).await;
    }
}
