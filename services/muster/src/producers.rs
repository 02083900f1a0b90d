//! The producers that the site declares: their keys on NATS and what they may publish to.

use anyhow::Result;
use muster_contract::producers::ProducerUser;
use muster_platform::Settings;

use crate::{agents, nats_keys};

/// Each with its public key. A producer whose key the site does not give gets one.
pub(crate) fn users(settings: &Settings) -> Result<Vec<ProducerUser>> {
    let directory = settings.nats_key_directory();
    agents::site(settings)?
        .producers
        .into_iter()
        .map(|producer| {
            let subjects = producer.subjects();
            let public_key = match producer.public_key {
                Some(key) => key,
                None => nats_keys::producers_public_key(&directory, &producer.name)?,
            };
            Ok(ProducerUser {
                name: producer.name,
                public_key,
                subjects,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn producers_without_a_key_get_one_that_stays() {
        let data = tempfile::tempdir().unwrap();
        let settings = Settings {
            data_directory: data.path().to_owned(),
            ..Settings::default()
        };
        assert_eq!(users(&settings).unwrap(), []);
        let site = "[[project]]\nname = \"demo\"\n[[producer]]\nname = \"slurm\"\nproject = \"demo\"\njob_events = \"jobs\"\n";
        std::fs::write(data.path().join("site.toml"), site).unwrap();
        let first = users(&settings).unwrap();
        assert_eq!(first[0].subjects, ["cc.node.state", "hpc-nats", "jobs"]);
        assert_eq!(users(&settings).unwrap(), first);
        let path = nats_keys::producers_path(&settings.nats_key_directory(), "slurm");
        let pair = nkeys::KeyPair::from_seed(&nats_keys::read_file(&path).unwrap()).unwrap();
        assert_eq!(pair.public_key(), first[0].public_key);
    }
}
