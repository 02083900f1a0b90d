//! Places at which a test stops the archiver to kill it. Compiled in only with the feature `failpoints`; set by the variable
//! `FAILPOINTS=name=return`.

/// The work is taken, nothing is written.
pub(super) const BEFORE_DATA: &str = "archive-before-data";

/// What was measured is there, the job is not.
pub(super) const BEFORE_META: &str = "archive-before-meta";

/// All files are there, the tables do not know.
pub(super) const AFTER_META: &str = "archive-after-meta";

/// Stops the task here for good if a test has asked for it, after saying so on the error output. All else goes on.
pub(super) async fn reached(name: &str) {
    if is_set(name) {
        eprintln!("stopped at {name}");
        std::future::pending::<()>().await;
    }
}

/// The variable is read where the service takes its messages.
fn is_set(name: &str) -> bool {
    fail::fail_point!(name, |_| true);
    // Without the feature the macro is empty.
    let _ = name;
    false
}
