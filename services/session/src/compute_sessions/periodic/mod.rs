//! What is due by time.

pub(crate) mod answer_late;
pub(crate) mod begin_dependents;
pub(crate) mod forget_sessions;
pub(crate) mod look_after_sessions;

/// Declares work that is due by time, which does what `$run` says.
macro_rules! periodic {
    ($(#[$documentation:meta])* $name:ident, $run:ident) => {
        crate::compute_sessions::reactions::declared!($(#[$documentation])* $name);

        impl muster_messaging::Periodic for $name {
            async fn run(
                &self,
                transaction: &mut muster_storage::Transaction,
                cause: &muster_messaging::Context,
                effects: &mut muster_messaging::Effects,
            ) -> Result<bool, muster_messaging::HandlerError> {
                let now = cause.received_at().as_micros();
                let moment = crate::compute_sessions::book::Moment { cause: 0, now };
                let (more, sayings) = $run(transaction, self.desk(), moment, LIMIT).await?;
                sayings.tell([cause], effects)?;
                Ok(more)
            }
        }
    };
}

use periodic;

/// Whether there may be more than what was found.
fn may_be_more(found: usize, limit: i64) -> bool {
    i64::try_from(found).is_ok_and(|found| found >= limit)
}
