//! Takes the messages of producers.

use std::{fmt::Write as _, sync::Arc};

use muster_messaging::{Effects, HandlerError, Produced, Translate, Translated};
use muster_platform::Clock;
use muster_storage::Transaction;

use super::{
    Producers,
    carrying_out::{Fact, carry_out},
    reading::{Refused, read_all},
};
use crate::domain::clusters::Clusters;

/// Reasons of one dead letter that are written out.
const REASON_LIMIT: usize = 10;

/// Makes job events into jobs of the archive.
pub(crate) struct JobEventTranslator {
    pub(crate) clusters: Arc<Clusters>,
    pub(crate) producers: Producers,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Translate for JobEventTranslator {
    async fn translate(
        &self,
        transaction: &mut Transaction,
        messages: &[Produced],
        effects: &mut Effects,
    ) -> Result<Vec<Translated>, HandlerError> {
        let read: Vec<(&str, &[u8])> = messages
            .iter()
            .map(|message| (message.subject.as_str(), &message.payload[..]))
            .collect();
        let now = self.clock.now();
        let (told, mut refused) = read_all(&read, &self.producers, &self.clusters, now);
        let done = carry_out(transaction, &self.clusters, &told, now).await?;
        for (place, fact) in &done.facts {
            let Some(message) = told.get(*place).and_then(|told| messages.get(told.message)) else {
                continue;
            };
            match fact {
                Fact::Started(event) => effects.emit(&message.context, event)?,
                Fact::Stopped(event) => effects.emit(&message.context, event)?,
            }
        }
        refused.extend(done.refused.into_iter().filter_map(|(place, reason)| {
            let told = told.get(place)?;
            Some(Refused {
                message: told.message,
                line: told.line.as_bytes().to_vec(),
                reason,
            })
        }));
        Ok(outcomes(messages.len(), &refused))
    }
}

/// What became of each message: of one with lines that were refused, these are left.
fn outcomes(messages: usize, refused: &[Refused]) -> Vec<Translated> {
    (0..messages)
        .map(|message| {
            let of_message: Vec<&Refused> = refused
                .iter()
                .filter(|refused| refused.message == message)
                .collect();
            if of_message.is_empty() {
                return Translated::Whole;
            }
            let lines: Vec<&[u8]> = of_message.iter().map(|one| one.line.as_slice()).collect();
            let reasons: Vec<&str> = of_message
                .iter()
                .take(REASON_LIMIT)
                .map(|one| one.reason.as_str())
                .collect();
            let more = of_message.len().saturating_sub(REASON_LIMIT);
            let mut reason = reasons.join("; ");
            if more > 0 {
                // Writing to a String cannot fail.
                let _ = write!(reason, "; and {more} more");
            }
            Translated::Partly {
                remainder: lines.join(&b"\n"[..]),
                reason,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_message_are_its_refused_lines() {
        let refused = |message, line: &str, reason: &str| Refused {
            message,
            line: line.as_bytes().to_vec(),
            reason: reason.to_owned(),
        };
        let all = [
            refused(0, "a", "one"),
            refused(2, "x", "why"),
            refused(0, "b", "two"),
        ];
        let partly = |remainder: &str, reason: &str| Translated::Partly {
            remainder: remainder.as_bytes().to_vec(),
            reason: reason.to_owned(),
        };
        assert_eq!(
            outcomes(3, &all),
            [
                partly("a\nb", "one; two"),
                Translated::Whole,
                partly("x", "why")
            ]
        );
        let many = vec![refused(0, "a", "r"); REASON_LIMIT + 2];
        let Translated::Partly { reason, .. } = &outcomes(1, &many)[0] else {
            panic!("nothing was refused");
        };
        assert!(reason.ends_with("; and 2 more"), "{reason}");
    }
}
