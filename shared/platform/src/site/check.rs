//! The checks that need more than one entry, or more than a type.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use muster_contract::Role;
use toml::Spanned;

use super::check_hooks::Agents;
use super::document::{
    ClusterCockpitSection, ClusterEntry, Document, PrincipalEntry, ProjectEntry,
};
use super::duffy::is_key;
use super::keys::proposal;
use super::{
    ClusterCockpitTokens, DEFAULT_DOMAIN, NAME_LIMIT, Project, ResourcePolicy, Site, SitePrincipal,
    SiteProblem, TokenDigest,
};

const ROLES: [&str; 7] = [
    "user",
    "api",
    "manager",
    "support",
    "admin",
    "domain-admin",
    "superadmin",
];

/// Gathers all that is wrong while the entries become a [`Site`].
pub(super) struct Checked<'t> {
    text: &'t str,
    problems: Vec<SiteProblem>,
}

impl<'t> Checked<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            problems: Vec::new(),
        }
    }

    pub(super) fn site(
        mut self,
        document: Document,
        directory: &Path,
    ) -> Result<Site, Vec<SiteProblem>> {
        let agents = self.agents(&document.agent);
        let known_agents = Agents::of(&agents);
        let projects = self.projects(document.project, &known_agents);
        let resource_policies = self.resource_policies(document.resource_policy);
        let principals = self.principals(document.principal, &projects, &resource_policies);
        let producers = self.producers(document.producer, &projects);
        let domains = self.domains(document.domain, &projects);
        let scaling_groups = self.scaling_groups(document.scaling_group, &projects);
        let images = self.images(document.image);
        let pool_names: Vec<_> = document.pool.iter().map(|pool| pool.name.clone()).collect();
        let pools = self.pools(document.pool, &known_agents);
        let suffix = document.duffy.host_suffix.as_ref();
        let suffix = suffix.map_or("", |suffix| suffix.get_ref().as_str());
        let nodes = self.nodes(&document.node, &pools, suffix);
        self.agents_of_nodes(&pools, &pool_names, &nodes, &known_agents);
        let cluster_files = self.cluster_files(document.cluster, directory);
        let clustercockpit = self.clustercockpit(document.clustercockpit, &projects);
        let duffy = self.duffy(document.duffy);
        let keystone = document
            .keystone
            .and_then(|section| self.keystone(&section));
        if !self.problems.is_empty() {
            self.problems.sort_by_key(|problem| problem.line);
            return Err(self.problems);
        }
        Ok(Site {
            projects,
            principals,
            pools,
            nodes,
            agents,
            producers,
            domains,
            resource_policies,
            scaling_groups,
            images,
            cluster_files,
            clustercockpit,
            duffy,
            keystone,
        })
    }

    fn projects(&mut self, entries: Vec<ProjectEntry>, agents: &Agents) -> Vec<Project> {
        let mut names = Names::new("project");
        entries
            .into_iter()
            .map(|entry| {
                self.name("project", &entry.name);
                names.add(self, &entry.name);
                let domain = match entry.domain {
                    Some(domain) => {
                        self.name("domain", &domain);
                        domain.into_inner()
                    }
                    None => DEFAULT_DOMAIN.to_owned(),
                };
                let session_hooks = entry
                    .session_hooks
                    .map(|hooks| self.session_hooks(hooks, &entry.name, agents));
                Project {
                    name: entry.name.into_inner(),
                    domain,
                    node_quota: entry.quota.nodes,
                    compute_quota: self.compute_quota(entry.quota),
                    session_hooks,
                }
            })
            .collect()
    }

    fn principals(
        &mut self,
        entries: Vec<PrincipalEntry>,
        projects: &[Project],
        policies: &[ResourcePolicy],
    ) -> Vec<SitePrincipal> {
        let mut names = Names::new("principal");
        let mut access_keys = Names::new("access_key");
        let mut tokens: HashMap<TokenDigest, String> = HashMap::new();
        let mut duffy_keys: HashMap<TokenDigest, String> = HashMap::new();
        entries
            .into_iter()
            .map(|entry| {
                self.name("principal", &entry.name);
                names.add(self, &entry.name);
                self.project(&entry.project, projects);
                let roles = self.roles(&entry.roles);
                let token = self.token(entry.token.as_ref(), entry.token_sha256.as_ref());
                let name = entry.name.get_ref().clone();
                if let Some(token) = token
                    && let Some(other) = tokens.insert(token, name.clone())
                {
                    self.problem(
                        &entry.name,
                        format!("principals {other:?} and {name:?} have the same token"),
                    );
                }
                let duffy_key = self.duffy_key(&entry);
                if let Some(key) = duffy_key
                    && let Some(other) = duffy_keys.insert(key, name.clone())
                {
                    self.problem(
                        &entry.name,
                        format!("principals {other:?} and {name:?} have the same duffy_key"),
                    );
                }
                let password = entry
                    .password
                    .as_ref()
                    .and_then(|password| self.password(password));
                let key_pair = self.access_key_pair(&entry, &mut access_keys);
                SitePrincipal {
                    name,
                    project: entry.project.into_inner(),
                    roles,
                    token,
                    duffy_key,
                    password,
                    key_pair,
                    resource_policy: self.policy_of(entry.resource_policy, policies),
                }
            })
            .collect()
    }

    fn roles(&mut self, names: &[Spanned<String>]) -> Vec<Role> {
        let mut roles = Vec::with_capacity(names.len());
        for name in names {
            match Role::from_name(name.get_ref()) {
                Some(role) if roles.contains(&role) => {}
                Some(role) => roles.push(role),
                None => self.problem(
                    name,
                    format!(
                        "no such role: {:?}{}",
                        name.get_ref(),
                        proposal(name.get_ref(), ROLES.into_iter())
                    ),
                ),
            }
        }
        roles
    }

    fn token(
        &mut self,
        plain: Option<&Spanned<String>>,
        digest: Option<&Spanned<String>>,
    ) -> Option<TokenDigest> {
        self.secret("token", plain, digest, |checked, plain| {
            let token = plain.get_ref();
            if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                checked.problem(
                    plain,
                    "a token is made of visible ASCII characters, without spaces",
                );
            }
        })
    }

    fn duffy_key(&mut self, entry: &PrincipalEntry) -> Option<TokenDigest> {
        let (plain, digest) = (&entry.duffy_key, &entry.duffy_key_sha256);
        self.secret("duffy_key", plain.as_ref(), digest.as_ref(), |checked, plain| {
            if !is_key(plain.get_ref()) {
                checked.problem(
                    plain,
                    "a duffy_key is made of letters, digits and - . _ ~, since clients put it into addresses as it is",
                );
            }
        })
    }

    /// A secret that stands there itself, or as its hash.
    fn secret(
        &mut self,
        name: &str,
        plain: Option<&Spanned<String>>,
        digest: Option<&Spanned<String>>,
        check: impl FnOnce(&mut Self, &Spanned<String>),
    ) -> Option<TokenDigest> {
        match (plain, digest) {
            (None, None) => None,
            (Some(plain), Some(_)) => {
                self.problem(plain, format!("give {name} or {name}_sha256, not both"));
                None
            }
            (Some(plain), None) => {
                check(self, plain);
                Some(TokenDigest::of(plain.get_ref().as_bytes()))
            }
            (None, Some(digest)) => {
                let parsed = TokenDigest::from_hex(digest.get_ref());
                if parsed.is_none() {
                    self.problem(
                        digest,
                        format!("{name}_sha256 has to be 64 hexadecimal digits"),
                    );
                }
                parsed
            }
        }
    }

    fn cluster_files(&mut self, entries: Vec<ClusterEntry>, directory: &Path) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = Vec::with_capacity(entries.len());
        for entry in entries {
            let file = directory.join(entry.file.get_ref());
            if entry.file.get_ref().as_os_str().is_empty() {
                self.problem(&entry.file, "file is empty");
            } else if files.contains(&file) {
                self.problem(
                    &entry.file,
                    format!("cluster file {} is there twice", file.display()),
                );
            }
            files.push(file);
        }
        files
    }

    fn clustercockpit(
        &mut self,
        section: ClusterCockpitSection,
        projects: &[Project],
    ) -> ClusterCockpitTokens {
        if let Some(project) = &section.default_project {
            self.project(project, projects);
        }
        ClusterCockpitTokens {
            jwt_public_key: section
                .jwt_public_key
                .as_ref()
                .and_then(|key| self.public_key(key)),
            jwt_max_age: section.jwt_max_age,
            default_project: section.default_project.map(Spanned::into_inner),
            validate_user: section.validate_user,
        }
    }

    fn public_key(&mut self, key: &Spanned<String>) -> Option<[u8; 32]> {
        let bytes = STANDARD
            .decode(key.get_ref())
            .ok()
            .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        if bytes.is_none() {
            self.problem(
                key,
                "jwt_public_key has to be an Ed25519 public key: standard base64 of 32 bytes",
            );
        }
        bytes
    }

    pub(super) fn project(&mut self, name: &Spanned<String>, projects: &[Project]) {
        if projects
            .iter()
            .all(|project| project.name != *name.get_ref())
        {
            let known = projects.iter().map(|project| project.name.as_str());
            let proposal = if projects.is_empty() {
                String::new()
            } else {
                proposal(name.get_ref(), known)
            };
            self.problem(
                name,
                format!("no such project: {:?}{proposal}", name.get_ref()),
            );
        }
    }

    pub(super) fn name(&mut self, what: &str, name: &Spanned<String>) {
        let text = name.get_ref();
        if text.is_empty() || text.len() > NAME_LIMIT || text.chars().any(char::is_control) {
            self.problem(
                name,
                format!(
                    "the name of a {what} has 1 to {NAME_LIMIT} bytes and no control characters"
                ),
            );
        }
    }

    pub(super) fn problem_count(&self) -> usize {
        self.problems.len()
    }

    pub(super) fn problem<T>(&mut self, at: &Spanned<T>, message: impl Into<String>) {
        let problem = SiteProblem::at(self.text, at.span().start, message);
        self.problems.push(problem);
    }
}

/// The names given so far, to find those given twice.
pub(super) struct Names {
    what: &'static str,
    seen: HashMap<String, usize>,
}

impl Names {
    pub(super) fn new(what: &'static str) -> Self {
        Self {
            what,
            seen: HashMap::new(),
        }
    }

    pub(super) fn add(&mut self, checked: &mut Checked<'_>, name: &Spanned<String>) {
        self.add_text(checked, name, name.get_ref());
    }

    /// The same for a name that is not written out where `name` is. Says whether it is new.
    pub(super) fn add_text(
        &mut self,
        checked: &mut Checked<'_>,
        name: &Spanned<String>,
        text: &str,
    ) -> bool {
        let start = name.span().start;
        let first = self.seen.insert(text.to_owned(), start);
        if let Some(first) = first {
            let first = SiteProblem::at(checked.text, first, "").line.unwrap_or(0);
            let message = format!(
                "{} {:?} is there twice, first on line {first}",
                self.what, text
            );
            checked.problem(name, message);
        }
        first.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_proposed_is_one() {
        for role in ROLES {
            assert!(Role::from_name(role).is_some(), "{role}");
        }
    }
}
