//! Saying that a test could not run here.

use std::{fs::OpenOptions, io::Write};

/// Names the file that `deploy/test` reads for its closing lines.
const SKIPS_VARIABLE: &str = "MUSTER_TEST_SKIPS";

/// Says that the running test is skipped: `what` it would have tested, and `why` it cannot.
///
/// The line goes to standard error and, because a test runner hides what passing tests print, to
/// the file named by `MUSTER_TEST_SKIPS`, which `deploy/test` shows at its end. Call it once per
/// test, then return.
///
/// ```no_run
/// # use muster_testkit::{PostgresServer, skip};
/// # async fn test() -> anyhow::Result<()> {
/// if let Err(reason) = PostgresServer::available() {
///     skip("the archive on PostgreSQL", &reason);
///     return Ok(());
/// }
/// # Ok(()) }
/// ```
#[expect(
    clippy::print_stderr,
    reason = "the line is for the person running the test"
)]
pub fn skip(what: &str, why: &str) {
    let line = format!("{what}: {why}");
    eprintln!("skipped: {line}");
    if let Some(path) = std::env::var_os(SKIPS_VARIABLE) {
        // One write of one line in append mode: tests of several processes do not mix.
        let written = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&path)
            .and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()));
        if let Err(error) = written {
            eprintln!("{} could not be written: {error}", path.display());
        }
    }
}
