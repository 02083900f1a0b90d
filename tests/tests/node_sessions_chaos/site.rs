//! Nodes to lend, and projects that borrow them.

use muster_tests::SystemOptions;

/// Nodes of the one pool.
pub(crate) const NODES: usize = 60;

/// Nodes that each project may keep by `/Node/fail`.
const FAILED_NODE_LIMIT: usize = 4;

/// A project with its key.
pub(crate) struct Project {
    pub(crate) name: &'static str,
    pub(crate) key: &'static str,
    /// How many nodes it may hold at a time; any number without.
    pub(crate) quota: Option<usize>,
}

/// Together they may hold fewer than there are, so that what is refused is refused for the quota too, and not always for
/// want of nodes.
pub(crate) const PROJECTS: [Project; 3] = [
    Project {
        name: "small",
        key: "a2b5ff2b-0d0c-4a6e-9d38-1d4f5a1f0c11",
        quota: Some(9),
    },
    Project {
        name: "large",
        key: "b2b5ff2b-0d0c-4a6e-9d38-1d4f5a1f0c11",
        quota: Some(21),
    },
    Project {
        name: "unbounded",
        key: "c2b5ff2b-0d0c-4a6e-9d38-1d4f5a1f0c11",
        quota: None,
    },
];

pub(crate) fn options(mut options: SystemOptions) -> SystemOptions {
    let projects = PROJECTS.iter().map(|Project { name, key, quota }| {
        let quota = quota.map_or(String::new(), |nodes| {
            format!("quota = {{ nodes = {nodes} }}\n")
        });
        format!(
            "[[project]]\nname = {name:?}\n{quota}[[principal]]\nname = \"{name}-user\"\nproject = {name:?}\nduffy_key = {key:?}\n"
        )
    });
    options.site_extra.extend(projects);
    let nodes = format!(
        "[[pool]]\nname = \"metal\"\nversion = \"7\"\narch = \"x86_64\"\nlifetime = \"6h\"\n\
         [[node]]\nhostname = \"n[01-{NODES}].dusty\"\npool = \"metal\"\nip = \"192.0.2.1\"\n\
         [duffy]\nrate_limit = 0\nfailed_node_limit = {FAILED_NODE_LIMIT}\n"
    );
    options.site_extra.push_str(&nodes);
    options
}
