//! Places at which a test stops the service to kill it: the moments between which the promises of design §3 have to
//! hold. Compiled in only with the feature `failpoints`; set by the variable `FAILPOINTS=name=return`.

/// All rows are written, nothing is committed.
pub(crate) const BEFORE_COMMIT: &str = "before-commit";

/// Committed and answered, nothing is acknowledged or published.
pub(crate) const AFTER_COMMIT: &str = "after-commit";

/// Acknowledged, the events are not published.
pub(crate) const AFTER_ACKNOWLEDGEMENT: &str = "after-acknowledgement";

/// Stops here for good if a test has asked for it, after saying so on the error output.
pub(crate) fn reached(name: &str) {
    #[cfg(feature = "failpoints")]
    read_environment();
    fail::fail_point!(name, |_| stop_here(name));
    // Without the feature the macro is empty.
    let _ = name;
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

#[cfg(feature = "failpoints")]
fn stop_here(name: &str) {
    eprintln!("stopped at {name}");
    loop {
        std::thread::park();
    }
}
