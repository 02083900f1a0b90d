//! Cleaning up after a test process, however it ended.
//!
//! Destructors do not run in a process that is killed, nor for what is kept in a `static`. So each
//! test process starts one small shell, in a process group of its own, and tells it through a pipe
//! which processes and directories belong to it. When the pipe closes, because the test process has
//! ended in whatever way, the shell stops those processes and removes those directories.

use std::{
    io::Write,
    os::unix::process::CommandExt,
    path::Path,
    process::{ChildStdin, Command, Stdio},
    sync::{Mutex, OnceLock, PoisonError},
};

use anyhow::{Context, Result, bail};

/// Reads lines `kill PID`, `quit PID`, `forget PID`, `remove PATH` until the pipe closes.
/// `quit` is for servers that release shared memory when asked to stop at once (SIGQUIT); they get
/// five seconds. Signals a terminal sends to everybody must not stop the clean-up.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
kill_list=' ' quit_list=' ' directories=
newline='
'
alive() { kill -0 "$1" 2>/dev/null && ! grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }
while IFS=' ' read -r verb argument; do
    case $verb in
        kill) kill_list="$kill_list$argument " ;;
        quit) quit_list="$quit_list$argument " ;;
        forget)
            case $kill_list in *" $argument "*) kill_list="${kill_list%%" $argument "*} ${kill_list#*" $argument "}" ;; esac
            case $quit_list in *" $argument "*) quit_list="${quit_list%%" $argument "*} ${quit_list#*" $argument "}" ;; esac
            ;;
        remove) directories="$directories$argument$newline" ;;
    esac
done
for pid in $kill_list; do kill -KILL "$pid" 2>/dev/null; done
for pid in $quit_list; do kill -QUIT "$pid" 2>/dev/null; done
for pid in $quit_list; do
    tries=0
    while alive "$pid" && [ $tries -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
    kill -KILL "$pid" 2>/dev/null
done
tries=0
while [ -n "$directories" ] && [ $tries -lt 50 ]; do
    left=
    while IFS= read -r directory; do
        [ -n "$directory" ] || continue
        rm -rf "$directory" 2>/dev/null
        [ ! -e "$directory" ] || left="$left$directory$newline"
    done <<END
$directories
END
    directories=$left
    [ -z "$left" ] || sleep 0.1
    tries=$((tries + 1))
done
"#;

/// The pipe to this process's janitor, which closes with the process.
static JANITOR: OnceLock<Mutex<ChildStdin>> = OnceLock::new();

/// When this process ends, `pid` is killed (SIGKILL).
pub fn kill_at_end(pid: u32) -> Result<()> {
    tell(&format!("kill {pid}"))
}

/// When this process ends, `pid` is told to stop at once (SIGQUIT), then killed.
pub fn quit_at_end(pid: u32) -> Result<()> {
    tell(&format!("quit {pid}"))
}

/// `pid` has ended: its number may soon be somebody else's.
pub fn forget(pid: u32) -> Result<()> {
    tell(&format!("forget {pid}"))
}

/// When this process ends, `directory` is removed with everything below it.
pub fn remove_at_end(directory: &Path) -> Result<()> {
    let text = directory
        .to_str()
        .with_context(|| format!("{} is not UTF-8", directory.display()))?;
    if !directory.is_absolute() || text.contains('\n') || directory.parent().is_none() {
        bail!("{text:?} is no directory a test may remove");
    }
    tell(&format!("remove {text}"))
}

fn tell(line: &str) -> Result<()> {
    let pipe = if let Some(pipe) = JANITOR.get() {
        pipe
    } else {
        let started = Mutex::new(start()?);
        // Another thread may have been faster; then ours ends with nothing to do.
        JANITOR.get_or_init(|| started)
    };
    let mut pipe = pipe.lock().unwrap_or_else(PoisonError::into_inner);
    pipe.write_all(format!("{line}\n").as_bytes())
        .context("the janitor is gone")
}

fn start() -> Result<ChildStdin> {
    let mut command = Command::new("sh");
    command
        .args(["-c", SCRIPT, "muster-test-janitor"])
        .current_dir("/")
        .stdin(Stdio::piped())
        // Else a test runner that waits for the end of our output would wait for the janitor too.
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    let mut child = command.spawn().context("starting the janitor (sh)")?;
    // Nobody waits for it: it outlives us.
    child.stdin.take().context("the janitor has no input")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_to_remove_what_is_not_a_plain_directory() {
        assert!(remove_at_end(Path::new("/")).is_err());
        assert!(remove_at_end(Path::new("relative")).is_err());
        assert!(remove_at_end(Path::new("/tmp/two\nlines")).is_err());
    }
}
