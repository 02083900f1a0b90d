//! The agents that the site declares: their names and their keys on NATS.

use anyhow::Result;
use muster_platform::{
    Settings,
    site::{Site, SiteAgent},
};

use crate::{first_start, nats_keys, parts};

/// The site: of the site file that is set, or of the one in the data directory.
pub(crate) fn site(settings: &Settings) -> Result<Site> {
    let mut settings = settings.clone();
    settings.site = settings
        .site
        .or_else(|| first_start::site_made_earlier(&settings.data_directory));
    parts::load_site(&settings)
}

/// The agents of the site.
pub(crate) fn of_site(settings: &Settings) -> Result<Vec<SiteAgent>> {
    Ok(site(settings)?.agents)
}

/// Their names.
pub(crate) fn names(settings: &Settings) -> Result<Vec<String>> {
    let agents = of_site(settings)?;
    Ok(agents.into_iter().map(|agent| agent.name).collect())
}

/// The public key of each, with its name. An agent whose key the site does not give gets one.
pub(crate) fn public_keys(settings: &Settings) -> Result<Vec<(String, String)>> {
    let directory = settings.nats_key_directory();
    of_site(settings)?
        .into_iter()
        .map(|agent| {
            let key = match agent.public_key {
                Some(key) => key,
                None => nats_keys::agents_public_key(&directory, &agent.name)?,
            };
            Ok((agent.name, key))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";

    #[test]
    fn agents_without_a_key_get_one_that_stays() {
        let data = tempfile::tempdir().unwrap();
        let settings = Settings {
            data_directory: data.path().to_owned(),
            ..Settings::default()
        };
        assert_eq!(public_keys(&settings).unwrap(), []);

        let site =
            format!("[[agent]]\nname = \"a\"\nnkey = \"{KEY}\"\n[[agent]]\nname = \"n1.dusty\"\n");
        std::fs::write(data.path().join("site.toml"), site).unwrap();
        assert_eq!(names(&settings).unwrap(), ["a", "n1.dusty"]);
        let keys = public_keys(&settings).unwrap();
        assert_eq!(keys[0], ("a".to_owned(), KEY.to_owned()));
        assert_eq!(keys[1].0, "n1.dusty");
        assert_eq!(public_keys(&settings).unwrap(), keys);

        let directory = settings.nats_key_directory();
        let seed = nats_keys::read_file(&nats_keys::agents_path(&directory, "n1.dusty")).unwrap();
        let pair = nkeys::KeyPair::from_seed(&seed).unwrap();
        assert_eq!(pair.public_key(), keys[1].1);
        assert!(!nats_keys::agents_path(&directory, "a").exists());
    }
}
