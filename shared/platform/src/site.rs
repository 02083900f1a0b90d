//! The site file: which projects, principals and clusters there are, declared in one TOML file and
//! checked as a whole before anything is made of it.
//!
//! ```toml
//! [[project]]                       # a tenant
//! name = "demo"
//! domain = "default"                # this when left out
//! # what its sessions may hold at a time; any number when left out
//! quota = { nodes = 20, compute_sessions = 30, slots = { cpu = "16", mem = "32g" } }
//! # what an agent does for each session before its first nodes and after its last; either may be left out
//! session_hooks = { agent = "network", set_up = "2m", tear_down = "5m", attempts = 3 }
//!
//! [[principal]]                     # somebody who may call
//! name = "alice"
//! project = "demo"
//! roles = ["user", "api"]
//! token = "..."                     # a fixed token, or token_sha256 = "<64 hexadecimal digits>"
//! duffy_key = "..."                 # for Duffy's clients, or duffy_key_sha256 = "..."
//! password = "..."                  # to sign in with, as it is or as `muster key password` hashes it
//! access_key = "..."                # for Backend.AI's clients; `muster key access` makes a pair
//! secret_key = "..."                # as it is: signatures are computed with it
//! resource_policy = "default"       # this when left out, if there is one; otherwise without limit
//!
//! [[pool]]                          # nodes that are as good as each other
//! name = "metal-7-x86_64"
//! version = "7"
//! arch = "x86_64"
//! flavor = "tiny"                   # of virtual machines; hardware has none
//! fill_level = 4                    # nodes that are to be ready; with a provision hook: all when left out
//! lifetime = "6h"                   # of a session with such a node; this when left out, or "never"
//! maximum_lifetime = "12h"          # if its owner asks for more; twice the lifetime when left out, or "never"
//!
//! # what an agent does to each node, with the longest that one attempt may take; what is left out is not needed. With
//! # agent = "{hostname}" each node has its own, of its name
//! hooks = { agent = "provisioner", provision = "30m", contextualize = "2m", deprovision = "10m", attempts = 3 }
//! maximum_ready_age = "24h"         # a free node is installed anew after that; "never" when left out
//! quarantine = "1h"                 # how long a node that failed is set aside before it is tried again
//!
//! [[agent]]                         # somebody who runs hooks or containers, or many: "n[1-100].dusty"
//! name = "provisioner"
//! nkey = "U..."                     # public key; when left out, `muster up` makes one
//!
//! [[producer]]                      # a program that publishes line protocol on NATS: a batch system's adapter, a collector
//! name = "slurm"
//! project = "demo"                  # that the jobs belong to which it tells of
//! nkey = "U..."                     # public key; when left out, `muster up` makes one
//! job_events = "cc.job.event"       # subjects, these when left out. Producers of different projects need different ones for
//! node_states = "cc.node.state"     # jobs and nodes, since a message does not say who published it
//! metrics = "hpc-nats"
//!
//! [[node]]                          # a node, or many
//! hostname = "n[1-100].dusty"       # short name: "n1.dusty", or a list of them
//! pool = "metal-7-x86_64"
//! ip = "172.19.3.1"                 # of the first; counts up in a list
//! chassis = "dusty"
//! console_port = 2001               # of the first; counts up in a list
//!
//! [[image]]                         # what compute sessions run
//! name = "python:3.11"
//! aliases = ["python"]
//! # the main process of a container; {port:NAME} is the port that the agent gives the service of that name
//! command = ["python3", "-m", "http.server", "{port:files}"]
//! interpreter = ["python3", "-u"]   # runs code that is sent to the session; without it none can be sent
//! services = [{ name = "files", protocol = "http", port = 8000 }] # http, tcp or pty
//! environ = { LANG = "C.UTF-8" }
//! minimum = { cpu = "1", mem = "64m" } # of a container; this when left out, and what one has that asks for nothing
//! maximum = { cpu = "8" }           # of other slots any amount
//!
//! [[scaling_group]]                 # agents that sessions are spread over together; "default" for all when there is none
//! name = "gpu"
//! scheduler = "drf"                 # who of those that wait is next: fifo (this when left out), lifo or drf
//! projects = ["demo"]               # that may use it; all when left out
//!
//! [[resource_policy]]               # what the compute sessions of one access key may have; without limit what is left out
//! name = "default"
//! compute_sessions = 5
//! slots = { cpu = "16", mem = "32g" }
//! containers_per_session = 4
//! idle_timeout = "1h"               # an interactive session that is not used for so long is ended
//!
//! [[domain]]                        # only to give it a quota
//! name = "default"
//! quota = { compute_sessions = 100, slots = { cpu = "64" } }
//!
//! [[cluster]]                       # a cluster description of ClusterCockpit
//! file = "fritz/cluster.json"       # relative to the site file
//!
//! [clustercockpit]                  # tokens signed elsewhere
//! jwt_public_key = "..."            # Ed25519, base64 of the 32 bytes
//! jwt_max_age = "30d"               # older tokens are refused; without it they live until their `exp`
//! default_project = "demo"          # of users that are no principal; without it those are refused
//! validate_user = false             # true: only principals, with the roles given here
//!
//! [duffy]                           # clients of CentOS CI
//! host_suffix = ".ci.example.org"   # after the short names of nodes, where clients reach them; "" when left out
//! rate_limit = 5                    # with more live sessions opened in rate_window there is no other; 0 = without limit
//! rate_window = "5m"
//! failed_node_limit = 5             # nodes that a project may keep for a look; 0 = without limit
//!
//! [keystone]                        # tokens of Freezer's clients that are not ours are asked about there
//! url = "http://keystone:5000"      # with or without /v3 at its end
//! ```
//!
//! What Muster does not use is an error, so that nobody believes in something declared here that
//! has no effect.

mod check;
mod check_compute;
mod check_hooks;
mod check_images;
mod check_nodes;
mod check_producers;
mod compute;
#[cfg(test)]
mod compute_tests;
mod document;
mod document_compute;
mod duffy;
mod error;
mod hooks;
#[cfg(test)]
mod hooks_tests;
mod keys;
mod keystone;
mod nodes;
#[cfg(test)]
mod nodes_tests;
mod password;
mod producers;
#[cfg(test)]
mod tests;
mod token;

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use muster_contract::Role;

pub use compute::{
    AccessKeyPair, ComputeQuota, DEFAULT_RESOURCE_POLICY, DEFAULT_SCALING_GROUP, ResourcePolicy,
    ScalingGroup, Scheduler, SecretKey, SiteDomain, SiteImage, SlotLimits,
};
pub use duffy::DuffyRules;
pub use error::{SiteError, SiteProblem};
pub use hooks::{
    DEFAULT_HOOK_ATTEMPTS, DEFAULT_QUARANTINE, HookAgent, NodeHooks, SessionHooks, SiteAgent,
};
pub use keystone::Keystone;
pub use nodes::{DEFAULT_LIFETIME, SiteNode, SitePool};
pub use password::{PASSWORD_LIMIT, Password};
pub use producers::SiteProducer;
pub use token::TokenDigest;

/// The domain of a project that names none.
pub const DEFAULT_DOMAIN: &str = "default";

/// The longest name of a project, domain or principal, in bytes: names become parts of subjects,
/// headers and index entries.
pub const NAME_LIMIT: usize = 255;

/// What a site declares. Everything in it has been checked: names are unique, what is referred to
/// is there. The default declares nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Site {
    /// The tenants.
    pub projects: Vec<Project>,
    /// Who may call.
    pub principals: Vec<SitePrincipal>,
    /// Pools of nodes.
    pub pools: Vec<SitePool>,
    /// The nodes in them.
    pub nodes: Vec<SiteNode>,
    /// Who runs hooks and containers.
    pub agents: Vec<SiteAgent>,
    /// Who tells of jobs, nodes and measurements over NATS.
    pub producers: Vec<SiteProducer>,
    /// Domains that have a quota.
    pub domains: Vec<SiteDomain>,
    /// What principals may have.
    pub resource_policies: Vec<ResourcePolicy>,
    /// Groups of agents as the file has them; see [`Site::scaling_groups`].
    pub scaling_groups: Vec<ScalingGroup>,
    /// What compute sessions run.
    pub images: Vec<SiteImage>,
    /// Cluster descriptions, as paths that no longer depend on where the site file is.
    pub cluster_files: Vec<PathBuf>,
    /// Tokens signed elsewhere.
    pub clustercockpit: ClusterCockpitTokens,
    /// Duffy's clients.
    pub duffy: DuffyRules,
    /// Who knows tokens that are not ours; `None` = nobody.
    pub keystone: Option<Keystone>,
}

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Unique within the site.
    pub name: String,
    /// The domain it belongs to.
    pub domain: String,
    /// Nodes that its sessions may hold at a time; `None` = as many as there are.
    pub node_quota: Option<u32>,
    /// What its compute sessions may have at a time.
    pub compute_quota: ComputeQuota,
    /// What is done for its sessions.
    pub session_hooks: Option<SessionHooks>,
}

/// Somebody who may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SitePrincipal {
    /// Unique within the site.
    pub name: String,
    /// The project acted for.
    pub project: String,
    /// What the principal may do.
    pub roles: Vec<Role>,
    /// The fixed token, of which no more than this is kept.
    pub token: Option<TokenDigest>,
    /// The key of Duffy's clients, of which no more than this is kept.
    pub duffy_key: Option<TokenDigest>,
    /// What the principal signs in with.
    pub password: Option<Password>,
    /// What the principal signs the requests of Backend.AI's clients with.
    pub key_pair: Option<AccessKeyPair>,
    /// What its compute sessions may have: a policy of the site; `None` = without limit.
    pub resource_policy: Option<String>,
}

/// How tokens in ClusterCockpit's form (JWT, `EdDSA`) are treated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterCockpitTokens {
    /// Ed25519 key that the signer of the tokens holds the other half of; without it there are no
    /// such tokens.
    pub jwt_public_key: Option<[u8; 32]>,
    /// How long ago a token may have been issued.
    pub jwt_max_age: Option<Duration>,
    /// The project of a user who is no principal of the site; without it those are refused.
    pub default_project: Option<String>,
    /// Whether only principals of the site are let in, with the roles that the site gives them and
    /// not those of the token.
    pub validate_user: bool,
}

impl Site {
    /// Reads the file.
    ///
    /// # Errors
    /// It cannot be read, is no TOML, or declares something that cannot be: all of it, each with
    /// its line.
    pub fn load(path: &Path) -> Result<Self, SiteError> {
        let text = std::fs::read_to_string(path).map_err(|reason| SiteError::Unreadable {
            path: path.to_owned(),
            reason,
        })?;
        Self::parse(&text, path)
    }

    /// Reads `text` as if it stood in the file at `path`.
    ///
    /// # Errors
    /// As [`Site::load`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, SiteError> {
        let invalid = |problems| SiteError::Invalid {
            path: path.to_owned(),
            problems,
        };
        let unknown = keys::unknown(text).map_err(|problem| invalid(vec![problem]))?;
        if !unknown.is_empty() {
            return Err(invalid(unknown));
        }
        let document = document::Document::parse(text).map_err(|problem| invalid(vec![problem]))?;
        let directory = path.parent().unwrap_or(Path::new(""));
        check::Checked::new(text)
            .site(document, directory)
            .map_err(invalid)
    }

    /// The project of that name.
    #[must_use]
    pub fn project(&self, name: &str) -> Option<&Project> {
        self.projects.iter().find(|project| project.name == name)
    }

    /// The resource policy of that name.
    #[must_use]
    pub fn resource_policy(&self, name: &str) -> Option<&ResourcePolicy> {
        let mut policies = self.resource_policies.iter();
        policies.find(|policy| policy.name == name)
    }

    /// Groups of agents: those of the file, or one called [`DEFAULT_SCALING_GROUP`] for everybody. The first that is open to a
    /// project is the one its sessions get that name none.
    #[must_use]
    pub fn scaling_groups(&self) -> Cow<'_, [ScalingGroup]> {
        if self.scaling_groups.is_empty() {
            Cow::Owned(vec![ScalingGroup {
                name: DEFAULT_SCALING_GROUP.to_owned(),
                scheduler: Scheduler::default(),
                projects: None,
            }])
        } else {
            Cow::Borrowed(&self.scaling_groups)
        }
    }
}
