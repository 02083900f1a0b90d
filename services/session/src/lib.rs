//! Sessions: what belongs together, has an owner and a life.

mod migrations;

pub use migrations::MIGRATIONS;
