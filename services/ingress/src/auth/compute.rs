//! Who may have compute sessions, and of what: key pairs, what goes with them, and images.

use std::collections::HashMap;
use std::sync::Arc;

use muster_contract::Principal;
use muster_platform::Site;
use muster_platform::site::{
    AccessKeyPair, DEFAULT_RESOURCE_POLICY, ResourcePolicy, SecretKey, SiteImage,
};

/// A key pair, whose it is, and what its sessions may be.
#[derive(Debug)]
pub(crate) struct KeyPair {
    /// The access key.
    pub(crate) access_key: String,
    /// What signatures are computed with.
    pub(crate) secret_key: SecretKey,
    /// Whose it is.
    pub(crate) principal: Arc<Principal>,
    /// What its sessions may be; `None` = anything.
    pub(crate) policy: Option<Arc<ResourcePolicy>>,
}

/// Key pairs and images by their names.
#[derive(Debug, Default)]
pub(crate) struct ComputeSite {
    by_access_key: HashMap<String, Arc<KeyPair>>,
    by_principal: HashMap<String, Arc<KeyPair>>,
    images: HashMap<String, Arc<SiteImage>>,
}

impl ComputeSite {
    pub(super) fn of_site(site: &Site, principals: &HashMap<String, Arc<Principal>>) -> Self {
        let mut compute = Self::default();
        for declared in &site.principals {
            let (Some(pair), Some(principal)) =
                (&declared.key_pair, principals.get(&declared.name))
            else {
                continue;
            };
            let policy = declared.resource_policy.as_deref();
            compute.add_key_pair(pair, principal, policy_called(site, policy));
        }
        for image in &site.images {
            let image = Arc::new(image.clone());
            let names = image.aliases.iter().chain([&image.image.name]);
            for name in names {
                compute.images.insert(name.clone(), Arc::clone(&image));
            }
        }
        compute
    }

    fn add_key_pair(
        &mut self,
        pair: &AccessKeyPair,
        principal: &Arc<Principal>,
        policy: Option<Arc<ResourcePolicy>>,
    ) {
        let pair = Arc::new(KeyPair {
            access_key: pair.access_key.clone(),
            secret_key: pair.secret_key.clone(),
            principal: Arc::clone(principal),
            policy,
        });
        self.by_access_key
            .insert(pair.access_key.clone(), Arc::clone(&pair));
        self.by_principal.insert(principal.name.clone(), pair);
    }

    /// The key pair with this access key.
    pub(crate) fn key_pair(&self, access_key: &str) -> Option<&Arc<KeyPair>> {
        self.by_access_key.get(access_key)
    }

    /// The key pair of the principal of this name.
    pub(crate) fn key_pair_of(&self, principal: &str) -> Option<&Arc<KeyPair>> {
        self.by_principal.get(principal)
    }

    /// The image that goes by this name.
    pub(crate) fn image(&self, name: &str) -> Option<&Arc<SiteImage>> {
        self.images.get(name)
    }
}

/// The policy of that name; of a principal that names none, the site's default, if it has one.
fn policy_called(site: &Site, name: Option<&str>) -> Option<Arc<ResourcePolicy>> {
    let name = name.unwrap_or(DEFAULT_RESOURCE_POLICY);
    let mut policies = site.resource_policies.iter();
    let policy = policies.find(|policy| policy.name == name)?;
    Some(Arc::new(policy.clone()))
}
