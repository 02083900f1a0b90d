//! Waiting for a state instead of sleeping.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// A deadline for states that come within milliseconds on an idle machine: long enough for a
/// machine that is busy with a whole test suite and somebody else's builds, short enough to see a
/// hanging test before its runner ends it.
pub const DEADLINE: Duration = Duration::from_mins(1);

/// The pause between two looks starts here and doubles ...
const FIRST_PAUSE: Duration = Duration::from_millis(2);
/// ... up to here: states are seen early, and long waits cost little.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Looks again and again until `look` gives a value, and returns it.
///
/// # Errors
///
/// When `deadline` has passed; the message names `what` was waited for. A look that is under way
/// at the deadline is given up.
///
/// ```
/// # use muster_testkit::{DEADLINE, eventually};
/// # async fn rows() -> usize { 3 }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anyhow::Result<()> {
/// let rows = eventually(DEADLINE, "three rows", async || {
///     let rows = rows().await;
///     (rows == 3).then_some(rows)
/// })
/// .await?;
/// # assert_eq!(rows, 3); Ok(()) }
/// ```
pub async fn eventually<T>(
    deadline: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> Result<T> {
    let started = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        let left = deadline.saturating_sub(started.elapsed());
        if let Ok(Some(value)) = tokio::time::timeout(left, look()).await {
            return Ok(value);
        }
        if started.elapsed() >= deadline {
            bail!("waited {deadline:?} in vain for {what}");
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn returns_the_value_once_it_is_there() {
        let mut looks = 0;
        let value = eventually(DEADLINE, "the third look", async || {
            looks += 1;
            (looks == 3).then_some(looks)
        })
        .await
        .unwrap();
        assert_eq!(value, 3);
    }

    #[tokio::test]
    async fn names_what_never_came() {
        let error = eventually::<()>(Duration::from_millis(20), "a miracle", async || None)
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "waited 20ms in vain for a miracle");
    }

    #[tokio::test]
    async fn gives_up_a_look_that_hangs() {
        let error = eventually::<()>(Duration::from_millis(20), "an answer", async || {
            std::future::pending().await
        })
        .await
        .unwrap_err();
        assert!(error.to_string().contains("an answer"));
    }
}
