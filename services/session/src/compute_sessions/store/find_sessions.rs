//! Which session a reference means.

use std::collections::HashMap;

use muster_contract::session::{
    ComputeSessionMatch, ComputeSessionReference, ComputeSessionRefusal, MatchComputeSessions,
};
use muster_storage::{Bind, ColumnType, SetStatement, Snapshot, StorageError, Transaction};
use sqlx::FromRow;
use uuid::Uuid;

use super::session_row::{id, status};

/// Length of a UUID as it is written in tables.
const ID_LENGTH: usize = 36;

/// How many matches an ambiguous reference is answered with.
const AMBIGUOUS: usize = 10;

#[derive(Debug, FromRow)]
struct FoundRow {
    place: i64,
    id: Option<String>,
}

pub(super) static EXACT: SetStatement = SetStatement::new(
    "SELECT r.place, COALESCE( \
         (SELECT compute_session.id FROM compute_session WHERE compute_session.id = r.id \
             AND compute_session.owner = r.owner AND compute_session.terminated_at IS NULL), \
         (SELECT compute_session.id FROM compute_session WHERE compute_session.owner = r.owner \
             AND compute_session.name = r.name AND compute_session.terminated_at IS NULL), \
         (SELECT compute_session.id FROM compute_session WHERE r.or_over AND compute_session.id = r.id \
             AND compute_session.owner = r.owner), \
         (SELECT compute_session.id FROM compute_session WHERE r.or_over AND compute_session.owner = r.owner \
             AND compute_session.name = r.name AND compute_session.terminated_at IS NOT NULL \
             ORDER BY compute_session.created_at DESC LIMIT 1)) AS id \
     FROM {rows}",
    &[
        ("place", ColumnType::Integer),
        ("owner", ColumnType::Text),
        ("id", ColumnType::Text),
        ("name", ColumnType::Text),
        ("or_over", ColumnType::Boolean),
    ],
);

#[derive(Debug, FromRow)]
struct MatchRow {
    place: i64,
    id: String,
    name: String,
    status: String,
}

/// Reads the sessions of the owner that are not over: there may be many, but not as many as have been.
pub(super) static PREFIX: SetStatement = SetStatement::new(
    "SELECT found.place, found.id, found.name, found.status FROM ( \
         SELECT r.place AS place, r.most AS most, compute_session.id AS id, compute_session.name AS name, \
             compute_session.status AS status, ROW_NUMBER() OVER (PARTITION BY r.place \
                 ORDER BY compute_session.created_at DESC, compute_session.id DESC) AS number \
         FROM {rows} JOIN compute_session ON compute_session.owner = r.owner \
         WHERE compute_session.terminated_at IS NULL \
             AND (SUBSTR(compute_session.id, 1, LENGTH(r.prefix)) = r.prefix \
                 OR SUBSTR(compute_session.name, 1, LENGTH(r.prefix)) = r.prefix)) AS found \
     WHERE found.number <= found.most ORDER BY found.place, found.number",
    &[
        ("place", ColumnType::Integer),
        ("owner", ColumnType::Text),
        ("prefix", ColumnType::Text),
        ("most", ColumnType::Integer),
    ],
);

/// What a reference means.
pub(crate) type Meant = Result<Uuid, ComputeSessionRefusal>;

/// The sessions that are meant, in order.
pub(crate) async fn find_sessions(
    transaction: &mut Transaction,
    references: &[&ComputeSessionReference],
) -> Result<Vec<Meant>, StorageError> {
    let exact = find_exact(transaction, references).await?;
    let rows = prefix_rows(references, &exact);
    let found = transaction.fetch_set(&PREFIX, &rows).await?;
    meant(&exact, found)
}

/// The sessions that are named as a whole, in order.
pub(crate) async fn find_exact(
    transaction: &mut Transaction,
    references: &[&ComputeSessionReference],
) -> Result<Vec<Option<Uuid>>, StorageError> {
    let found = transaction
        .fetch_set(&EXACT, &exact_rows(references))
        .await?;
    exact(references, found)
}

/// The session that is meant.
pub(crate) async fn read_meant(
    snapshot: &mut Snapshot,
    reference: &ComputeSessionReference,
) -> Result<Meant, StorageError> {
    let references = [reference];
    let found = snapshot.fetch_set(&EXACT, &exact_rows(&references)).await?;
    let exact = exact(&references, found)?;
    let rows = prefix_rows(&references, &exact);
    let found = snapshot.fetch_set(&PREFIX, &rows).await?;
    let unknown = Err(ComputeSessionRefusal::Unknown);
    Ok(meant(&exact, found)?.pop().unwrap_or(unknown))
}

/// The sessions whose id or name begins like that, the newest first.
pub(crate) async fn read_matches(
    snapshot: &mut Snapshot,
    question: &MatchComputeSessions,
) -> Result<Vec<ComputeSessionMatch>, StorageError> {
    if question.prefix.contains('\0') || question.owner.contains('\0') {
        return Ok(Vec::new());
    }
    let row = prefix_row(
        0,
        &question.owner,
        &question.prefix,
        MatchComputeSessions::LIMIT.into(),
    );
    let found: Vec<MatchRow> = snapshot.fetch_set(&PREFIX, &[row]).await?;
    found.into_iter().map(MatchRow::into_match).collect()
}

fn exact_rows(references: &[&ComputeSessionReference]) -> Vec<Vec<Bind>> {
    let places = (0_i64..).zip(references);
    places
        .filter(|(_, reference)| is_storable(reference))
        .map(|(place, reference)| {
            let id = Some(&reference.name).filter(|name| name.len() == ID_LENGTH);
            let id = id.and_then(|name| Uuid::try_parse(name).ok());
            vec![
                place.into(),
                (&reference.owner).into(),
                Bind::Text(id.map(|id| id.to_string())),
                (&reference.name).into(),
                reference.or_over.into(),
            ]
        })
        .collect()
}

fn exact(
    references: &[&ComputeSessionReference],
    found: Vec<FoundRow>,
) -> Result<Vec<Option<Uuid>>, StorageError> {
    let mut exact = vec![None; references.len()];
    for row in found {
        let place = usize::try_from(row.place).ok();
        if let Some(place) = place.and_then(|place| exact.get_mut(place)) {
            *place = row.id.as_deref().map(id).transpose()?;
        }
    }
    Ok(exact)
}

/// For those that name no session as a whole; mostly there are none, and this is no statement.
fn prefix_rows(references: &[&ComputeSessionReference], exact: &[Option<Uuid>]) -> Vec<Vec<Bind>> {
    let places = (0_i64..).zip(references).zip(exact);
    places
        .filter(|((_, reference), exact)| {
            exact.is_none() && is_storable(reference) && !reference.name.is_empty()
        })
        .map(|((place, reference), _)| {
            let most = i64::try_from(AMBIGUOUS).unwrap_or(i64::MAX);
            prefix_row(place, &reference.owner, &reference.name, most)
        })
        .collect()
}

fn prefix_row(place: i64, owner: &str, prefix: &str, most: i64) -> Vec<Bind> {
    vec![place.into(), owner.into(), prefix.into(), most.into()]
}

fn meant(exact: &[Option<Uuid>], found: Vec<MatchRow>) -> Result<Vec<Meant>, StorageError> {
    let mut matches: HashMap<i64, Vec<ComputeSessionMatch>> = HashMap::new();
    for row in found {
        matches
            .entry(row.place)
            .or_default()
            .push(row.into_match()?);
    }
    let places = (0_i64..).zip(exact);
    Ok(places
        .map(|(place, exact)| match exact {
            Some(id) => Ok(*id),
            None => one_of(matches.remove(&place).unwrap_or_default()),
        })
        .collect())
}

fn one_of(matches: Vec<ComputeSessionMatch>) -> Meant {
    match matches.as_slice() {
        [] => Err(ComputeSessionRefusal::Unknown),
        [only] => Ok(only.id),
        _ => Err(ComputeSessionRefusal::Ambiguous { matches }),
    }
}

/// Not every text can be in a table.
fn is_storable(reference: &ComputeSessionReference) -> bool {
    !reference.owner.contains('\0') && !reference.name.contains('\0')
}

impl MatchRow {
    fn into_match(self) -> Result<ComputeSessionMatch, StorageError> {
        Ok(ComputeSessionMatch {
            id: id(&self.id)?,
            name: self.name,
            status: status(&self.status)?,
        })
    }
}
