//! The job archive: lives of jobs through everything, and pages anywhere in long lists.

mod pages;
mod pairs;

pub(crate) use pages::measure as pages;
pub(crate) use pairs::measure as pairs;
