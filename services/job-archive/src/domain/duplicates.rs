//! When a start is a second report of a job that is there already.
//!
//! ClusterCockpit's rule (`api/clustercockpit.md` §1.2): a job is refused if any job of the same number on the same
//! cluster started less than a day before it, or at the same time, or at any time after it. So only the latest start of
//! a number counts. Stopped jobs count too, and jobs of other tenants: a number belongs to the cluster.

use std::collections::HashMap;

/// A cluster may use a job's number again when this many seconds have passed since the job started.
const REUSE_AFTER_SECONDS: i64 = 86_400;

/// A job of the same number that started then or later is in the way of one that starts at `start_time`.
pub(crate) fn conflicts_from(start_time: i64) -> i64 {
    start_time.saturating_sub(REUSE_AFTER_SECONDS - 1)
}

/// A job's number on its cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Number<'a> {
    pub(crate) cluster: &'a str,
    pub(crate) job_id: i64,
}

/// A start that has to be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Start<'a> {
    pub(crate) number: Number<'a>,
    pub(crate) start_time: i64,
}

/// The job of a number that started last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Latest {
    pub(crate) start_time: i64,
    pub(crate) job: Recorded,
}

/// A job that is in the table or is about to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// Its number in the table.
    Id(i64),
    /// The place of its start in the batch.
    Place(usize),
}

/// What becomes of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is a new job.
    New,
    /// That job is in its way.
    InTheWay(Recorded),
}

/// Splits the places of a batch: the first start of each number, which can all be judged by the table alone, in one
/// statement; and the rest, which have to wait for what becomes of those.
pub(crate) fn firsts_and_rest(starts: &[Start<'_>]) -> (Vec<usize>, Vec<usize>) {
    let mut seen = HashMap::with_capacity(starts.len());
    (0..starts.len()).partition(|place| {
        starts
            .get(*place)
            .is_some_and(|start| *seen.entry(start.number).or_insert(*place) == *place)
    })
}

/// Judges the rest in their order. `latest` must have the latest start of every number among them, with the first
/// starts recorded; so none of the verdicts needs another look at the table.
pub(crate) fn judge<'a>(
    starts: &[Start<'a>],
    rest: &[usize],
    latest: &mut HashMap<Number<'a>, Latest>,
) -> Vec<(usize, Verdict)> {
    let mut verdicts = Vec::with_capacity(rest.len());
    for place in rest {
        let Some(start) = starts.get(*place) else {
            continue;
        };
        let verdict = match latest.get(&start.number) {
            Some(other) if other.start_time >= conflicts_from(start.start_time) => {
                Verdict::InTheWay(other.job)
            }
            _ => {
                let job = Recorded::Place(*place);
                let start_time = start.start_time;
                latest.insert(start.number, Latest { start_time, job });
                Verdict::New
            }
        };
        verdicts.push((*place, verdict));
    }
    verdicts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: i64 = REUSE_AFTER_SECONDS;

    fn start(job_id: i64, start_time: i64) -> Start<'static> {
        let cluster = "c";
        Start {
            number: Number { cluster, job_id },
            start_time,
        }
    }

    fn in_the_way(other: i64, start_time: i64) -> bool {
        other >= conflicts_from(start_time)
    }

    #[test]
    fn a_number_is_free_again_after_a_day_and_never_for_the_past() {
        assert!(in_the_way(1_000, 1_000));
        assert!(in_the_way(1_000, 1_000 + DAY - 1));
        assert!(!in_the_way(1_000, 1_000 + DAY));
        assert!(in_the_way(1_000, 999));
        assert!(in_the_way(1_000, 1_000 - 10 * DAY));
    }

    #[test]
    fn the_rest_waits_for_the_first_of_its_number() {
        let starts = [
            start(1, 0),
            start(2, 0),
            start(1, DAY),
            start(1, 0),
            start(3, 0),
        ];
        let (firsts, rest) = firsts_and_rest(&starts);
        assert_eq!(firsts, [0, 1, 4]);
        assert_eq!(rest, [2, 3]);
        let job = Recorded::Id(7);
        let mut latest = HashMap::from([(starts[0].number, Latest { start_time: 0, job })]);
        assert_eq!(
            judge(&starts, &rest, &mut latest),
            [
                (2, Verdict::New),
                (3, Verdict::InTheWay(Recorded::Place(2)))
            ]
        );
    }

    proptest! {
        #[test]
        fn the_rule_is_the_documents(other: i64, start_time: i64) {
            let difference = i128::from(start_time) - i128::from(other);
            prop_assert_eq!(in_the_way(other, start_time), difference < i128::from(DAY));
        }

        /// Firsts and rest together come to what one start after the other comes to.
        #[test]
        fn a_batch_comes_to_what_its_starts_come_to_one_by_one(
            times in proptest::collection::vec((1_i64..4, -3 * DAY..3 * DAY), 0..20),
            table in proptest::collection::hash_map(1_i64..4, -2 * DAY..DAY, 0..3),
        ) {
            let starts: Vec<Start<'_>> =
                times.iter().map(|(number, time)| start(*number, *time)).collect();
            let stored = |number: i64| {
                let job = Recorded::Id(number);
                table.get(&number).map(|time| Latest { start_time: *time, job })
            };

            let mut expected = Vec::new();
            let mut model: HashMap<i64, Latest> =
                (1..4).filter_map(|number| Some((number, stored(number)?))).collect();
            for (place, (number, time)) in times.iter().enumerate() {
                let other = model.get(number).copied();
                if let Some(other) = other.filter(|other| time - other.start_time < DAY) {
                    expected.push(Verdict::InTheWay(other.job));
                } else {
                    let job = Recorded::Place(place);
                    model.insert(*number, Latest { start_time: *time, job });
                    expected.push(Verdict::New);
                }
            }

            let (firsts, rest) = firsts_and_rest(&starts);
            let mut latest: HashMap<Number<'_>, Latest> = firsts
                .iter()
                .filter_map(|place| Some((starts[*place].number, stored(starts[*place].number.job_id)?)))
                .collect();
            let mut verdicts = judge(&starts, &firsts, &mut latest);
            verdicts.extend(judge(&starts, &rest, &mut latest));
            verdicts.sort_by_key(|(place, _)| *place);
            let verdicts: Vec<Verdict> = verdicts.into_iter().map(|(_, verdict)| verdict).collect();
            prop_assert_eq!(verdicts, expected);
        }
    }
}
