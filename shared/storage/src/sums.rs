//! Sums that many transactions add to.

use std::collections::BTreeMap;

use crate::bind::Bind;
use crate::set_statement::SetStatement;

/// What is added to each key.
type ByKey = BTreeMap<Vec<String>, Vec<i64>>;

/// What a transaction adds to sums, until it commits.
#[derive(Debug, Default)]
pub(crate) struct Additions {
    /// By the text of the statement, then by key, both in order.
    by_statement: BTreeMap<&'static str, (&'static SetStatement, ByKey)>,
}

impl Additions {
    pub(crate) fn add(
        &mut self,
        statement: &'static SetStatement,
        key: Vec<String>,
        amounts: &[i64],
    ) {
        let (_, by_key) = self
            .by_statement
            .entry(statement.text())
            .or_insert_with(|| (statement, ByKey::new()));
        let sums = by_key.entry(key).or_insert_with(|| vec![0; amounts.len()]);
        for (sum, amount) in sums.iter_mut().zip(amounts) {
            *sum = sum.saturating_add(*amount);
        }
    }

    /// Each statement with its rows: the texts of a key, and then what is added.
    pub(crate) fn into_sets(self) -> impl Iterator<Item = (&'static SetStatement, Vec<Vec<Bind>>)> {
        self.by_statement.into_values().map(|(statement, by_key)| {
            let rows = by_key.into_iter().map(|(key, sums)| {
                let key = key.into_iter().map(Bind::from);
                key.chain(sums.into_iter().map(Bind::from)).collect()
            });
            (statement, rows.collect())
        })
    }
}
