//! Places at which a test stops the service to kill it: the moments between which the promises of design §3 have to
//! hold. Compiled in only with the feature `failpoints`; set by the variable `FAILPOINTS=name=return`.

/// All rows are written, nothing is committed.
pub(crate) const BEFORE_COMMIT: &str = "before-commit";

/// Committed, nobody is told.
pub(crate) const BEFORE_REPLY: &str = "before-reply";

/// Committed and answered, nothing is acknowledged or published.
pub(crate) const AFTER_COMMIT: &str = "after-commit";

/// Acknowledged, the events are not given to the publisher.
pub(crate) const AFTER_ACKNOWLEDGEMENT: &str = "after-acknowledgement";

/// The publisher has events and has published none of them, whether they come from memory or from the sweep.
pub(crate) const BEFORE_PUBLICATION: &str = "before-publication";

/// Stops the task here for good if a test has asked for it, after saying so on the error output. All else goes on.
pub(crate) async fn reached(name: &str) {
    if is_set(name) {
        eprintln!("stopped at {name}");
        std::future::pending::<()>().await;
    }
}

fn is_set(name: &str) -> bool {
    #[cfg(feature = "failpoints")]
    read_environment();
    fail::fail_point!(name, |_| true);
    // Without the feature the macro is empty.
    let _ = name;
    false
}

/// `fail` itself reads the variable only for a scenario, which would hold a lock that in-process tests want.
#[cfg(feature = "failpoints")]
fn read_environment() {
    static READ: std::sync::Once = std::sync::Once::new();
    READ.call_once(|| {
        let variable = std::env::var("FAILPOINTS").unwrap_or_default();
        let points = variable
            .split(';')
            .filter_map(|point| point.split_once('='));
        for (name, actions) in points {
            if let Err(error) = fail::cfg(name, actions) {
                eprintln!("FAILPOINTS: {name}: {error}");
            }
        }
    });
}
