//! `muster migrate`: brings the tables of every service up to date without starting it.

use anyhow::{Context as _, Result};
use muster_contract::Service;
use muster_platform::Settings;

use crate::parts;

pub(crate) async fn run(settings: &Settings) -> Result<()> {
    for service in Service::ALL {
        let database = parts::open_database(settings, *service)
            .await
            .with_context(|| format!("{service}: the tables are not up to date"))?;
        database.close().await;
        println!("{service}: up to date");
    }
    Ok(())
}
