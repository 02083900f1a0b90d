//! Job sessions: jobs that start together, with a tag for each run (design §2, seed 1, `api/freezer.md`), and the jobs, actions,
//! clients and backups that go with them.
//!
//! | what comes in | where it is handled |
//! |---|---|
//! | a job, an action, a client or a backup is saved or deleted; a job is asked for something | `commands/` |
//! | which there are | `queries/` |
//!
//! Every batch reads what it is about in sets, changes it in memory by the rules in `domain/`, one command after the other, and
//! writes it back in sets. The SQL is in `store/`.

mod commands;
mod domain;
mod queries;
mod store;
