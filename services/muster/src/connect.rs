//! Connections to the broker: where it is and with which key.

use std::{fs, time::Duration};

use anyhow::{Context as _, Result};
use muster_contract::Part;
use muster_messaging::{Broker, BrokerOptions};
use muster_platform::Settings;

use crate::nats_keys;

/// How long a part waits for the broker to be there at its start.
const PART_DEADLINE: Duration = Duration::from_secs(30);

/// How long an operator's command waits for it.
const OPERATOR_DEADLINE: Duration = Duration::from_secs(2);

/// Where `muster up` says on which address its broker listens.
const ADDRESS_FILE: &str = "nats/address";

/// The broker's URL: as set, or that of the `muster up` with the same data directory.
pub(crate) fn url(settings: &Settings) -> Result<String> {
    if let Some(url) = &settings.nats.url {
        return Ok(url.reveal().to_owned());
    }
    let file = settings.data_directory.join(ADDRESS_FILE);
    let address = fs::read_to_string(&file).with_context(|| {
        format!(
            "no broker: nats.url is not set, and no `muster up` has run with this data directory ({} is missing)",
            file.display()
        )
    })?;
    Ok(format!("nats://{}", address.trim()))
}

/// Connects as this part.
pub(crate) async fn connect(settings: &Settings, part: Part, instance: &str) -> Result<Broker> {
    let options = BrokerOptions {
        url: url(settings)?,
        part,
        key_seed: Some(nats_keys::read(&settings.nats_key_directory(), part)?),
        instance: instance.to_owned(),
        connect_deadline: if part == Part::Operator {
            OPERATOR_DEADLINE
        } else {
            PART_DEADLINE
        },
    };
    Ok(Broker::connect(options).await?)
}
