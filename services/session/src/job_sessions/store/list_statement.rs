//! Statements of lists: whose, which by what stands in columns, and from where to where.

use muster_contract::session::{FieldValue, ListFilter};
use muster_storage::{Bind, ComposedSql};

/// A list of things that have numbers, in their order.
#[derive(Debug)]
pub(crate) struct List {
    /// `SELECT … FROM …`, up to the conditions.
    pub(crate) head: &'static str,
    /// The condition on the number: those after one.
    pub(crate) after: &'static str,
    /// The condition on the tenant, before and after its value.
    pub(crate) tenant: (&'static str, &'static str),
    /// The condition on the id.
    pub(crate) id: &'static str,
    /// Fields of the document that stand in columns.
    pub(crate) columns: &'static [Column],
    /// The order, up to the number of rows.
    pub(crate) order: &'static str,
    /// What follows.
    pub(crate) tail: &'static str,
}

/// A field of the document that stands in a column, as a text.
#[derive(Debug)]
pub(crate) struct Column {
    /// Name of the field.
    pub(crate) field: &'static str,
    /// The condition that it has a value.
    pub(crate) is: &'static str,
    /// The condition that it does not have a value, before and after it.
    pub(crate) is_not: (&'static str, &'static str),
    /// Both conditions with a certain value, where they are said in another way: for an index, or for NULL.
    pub(crate) of_value: &'static [(&'static str, &'static str, &'static str)],
}

/// A statement with its values.
#[derive(Debug, Default, Clone)]
pub(crate) struct Statement {
    pub(crate) sql: ComposedSql,
    pub(crate) binds: Vec<Bind>,
}

/// Which things of a list are wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) tenant: Option<&'a str>,
    pub(crate) id: Option<&'a str>,
    pub(crate) filter: &'a ListFilter,
    pub(crate) offset: u64,
    pub(crate) limit: u32,
}

/// Conditions that a statement can look at, and the rest.
#[derive(Debug)]
pub(crate) struct Conditions<'a> {
    list: &'static List,
    wanted: Wanted<'a>,
    /// With whether it has to hold.
    on_columns: Vec<(&'static Column, bool, &'a str)>,
    /// What has to be looked for in the documents.
    pub(crate) rest: ListFilter,
}

impl<'a> Conditions<'a> {
    /// `None`: nothing in any table can be wanted.
    pub(crate) fn of(list: &'static List, wanted: Wanted<'a>) -> Option<Self> {
        if [wanted.tenant, wanted.id]
            .into_iter()
            .flatten()
            .any(|text| text.contains('\0'))
        {
            return None;
        }
        let mut on_columns = Vec::new();
        let mut rest = ListFilter {
            texts: wanted.filter.texts.clone(),
            ..ListFilter::default()
        };
        for field in &wanted.filter.matching {
            match column(list, field) {
                None => rest.matching.push(field.clone()),
                Some((column, Some(value))) => on_columns.push((column, true, value)),
                Some((_, None)) => return None,
            }
        }
        for field in &wanted.filter.not_matching {
            match column(list, field) {
                None => rest.not_matching.push(field.clone()),
                Some((column, Some(value))) => on_columns.push((column, false, value)),
                // What has a text there has no such value.
                Some((_, None)) => {}
            }
        }
        Some(Self {
            list,
            wanted,
            on_columns,
            rest,
        })
    }

    /// Reads so many things after this number, without the first `skipped` of them.
    pub(crate) fn statement(&self, after: i64, limit: i64, skipped: i64) -> Statement {
        let list = self.list;
        let mut statement = Statement::default();
        statement.push(list.head);
        statement.value(list.after, after);
        if let Some(tenant) = self.wanted.tenant {
            statement.value(list.tenant.0, tenant);
            statement.push(list.tenant.1);
        }
        if let Some(id) = self.wanted.id {
            statement.value(list.id, id);
        }
        for (column, holds, value) in &self.on_columns {
            statement.condition(column, *holds, value);
        }
        statement.value(list.order, limit);
        if skipped > 0 {
            statement.value(" OFFSET ", skipped);
        }
        statement.push(list.tail);
        statement
    }
}

/// The column in which the field stands, and the value if there can be one.
fn column<'a>(
    list: &'static List,
    field: &'a FieldValue,
) -> Option<(&'static Column, Option<&'a str>)> {
    let column = list
        .columns
        .iter()
        .find(|column| column.field == field.field)?;
    let value = field.value.as_str().filter(|text| !text.contains('\0'));
    Some((column, value))
}

impl Statement {
    pub(crate) fn push(&mut self, piece: &'static str) {
        self.sql = std::mem::take(&mut self.sql).push(piece);
    }

    fn value(&mut self, piece: &'static str, value: impl Into<Bind>) {
        self.binds.push(value.into());
        let sql = std::mem::take(&mut self.sql).push(piece);
        self.sql = sql.push_place(self.binds.len());
    }

    fn condition(&mut self, column: &'static Column, holds: bool, value: &str) {
        let special = column
            .of_value
            .iter()
            .find(|(special, ..)| *special == value);
        match (special, holds) {
            (Some((_, is, _)), true) => self.push(is),
            (Some((_, _, is_not)), false) => self.push(is_not),
            (None, true) => self.value(column.is, value),
            (None, false) => {
                self.value(column.is_not.0, value);
                self.push(column.is_not.1);
            }
        }
    }
}
