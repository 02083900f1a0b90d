//! Which nodes a call asks for.

use std::time::Duration;

use muster_contract::Outcome;
use muster_contract::node_allocation::{ListPools, NodeDemand, NodeSelector, Pool};
use muster_contract::session::JobReference;
use serde::Serialize;

use super::super::job_reference;
use super::super::limits::{
    EXCLUSION_LIMIT, NAME_LIMIT, NODES_LIMIT, WAIT_LIMIT, WORD_LIMIT, is_name,
};
use super::parameters::Parameters;
use crate::frame::{Caller, Failure, Ingress};

const DEFAULT_VERSION: &str = "7";
const DEFAULT_ARCHITECTURE: &str = "x86_64";

/// Architectures that only virtual machines have, and the size of those if none is asked for.
const VIRTUAL: [&str; 2] = ["aarch64", "ppc64le"];
const DEFAULT_FLAVOR: &str = "tiny";

/// What is asked for.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct NodeRequest {
    version: String,
    architecture: String,
    flavor: Option<String>,
    minimum: u32,
    maximum: u32,
    excluded_hosts: Vec<String>,
    /// Whether to wait for nodes, and how long.
    pub(super) wait: Option<Duration>,
    /// The job that a new session is tied to.
    pub(super) job: Option<JobReference>,
}

impl NodeRequest {
    pub(super) fn parse(parameters: &Parameters) -> Result<Self, Failure> {
        let word = |name: &str| match parameters.given(name) {
            Some(text) if !is_name(text, WORD_LIMIT) => Err(Failure::invalid(format!(
                "{name} has at most {WORD_LIMIT} bytes and no control characters"
            ))),
            given => Ok(given.map(str::to_owned)),
        };
        let architecture = word("arch")?.unwrap_or_else(|| DEFAULT_ARCHITECTURE.to_owned());
        let flavor = word("flavor")?.or_else(|| {
            let virtual_one = VIRTUAL.contains(&architecture.as_str());
            virtual_one.then(|| DEFAULT_FLAVOR.to_owned())
        });
        let maximum = parameters.number("count", NODES_LIMIT)?.unwrap_or(1);
        if maximum == 0 {
            return Err(Failure::invalid("count has to be 1 at least"));
        }
        let minimum = parameters.number("min", maximum)?.unwrap_or(maximum);
        let longest = u32::try_from(WAIT_LIMIT.as_secs()).unwrap_or(u32::MAX);
        let wait = parameters
            .number("wait", longest)?
            .filter(|seconds| *seconds > 0)
            .map(|seconds| Duration::from_secs(seconds.into()));
        Ok(Self {
            version: word("ver")?.unwrap_or_else(|| DEFAULT_VERSION.to_owned()),
            architecture,
            flavor,
            minimum,
            maximum,
            excluded_hosts: excluded_hosts(parameters)?,
            wait,
            job: parameters
                .given("job")
                .map(job_reference::parse)
                .transpose()?,
        })
    }

    /// As messages have it.
    ///
    /// Bare metal has no flavor, and what Duffy's users learned is that one sent along with `x86_64` is ignored
    /// (`api/duffy.md` §1). So there it counts only if some pool has it.
    pub(super) async fn demand(
        &self,
        ingress: &Ingress,
        caller: &Caller,
    ) -> Result<NodeDemand, Failure> {
        let mut flavor = self.flavor.clone();
        if flavor.is_some() && !VIRTUAL.contains(&self.architecture.as_str()) {
            let Outcome::Done(pools) = ingress.ask(caller, &ListPools {}).await?;
            flavor = flavor.filter(|flavor| pools.pools.iter().any(|pool| self.fits(pool, flavor)));
        }
        Ok(NodeDemand {
            selector: NodeSelector::Properties {
                version: self.version.clone(),
                architecture: self.architecture.clone(),
                flavor,
            },
            minimum: self.minimum,
            maximum: self.maximum,
            excluded_hosts: self.excluded_hosts.clone(),
        })
    }

    fn fits(&self, pool: &Pool, flavor: &str) -> bool {
        pool.version == self.version
            && pool.architecture == self.architecture
            && pool.flavor.as_deref() == Some(flavor)
    }
}

fn excluded_hosts(parameters: &Parameters) -> Result<Vec<String>, Failure> {
    let patterns: Vec<String> = parameters
        .given("exclude_host")
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|pattern| !pattern.is_empty())
        .map(str::to_owned)
        .collect();
    if patterns.len() > EXCLUSION_LIMIT
        || !patterns.iter().all(|pattern| is_name(pattern, NAME_LIMIT))
    {
        return Err(Failure::invalid(format!(
            "exclude_host has at most {EXCLUSION_LIMIT} patterns of at most {NAME_LIMIT} bytes and no control characters"
        )));
    }
    Ok(patterns)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<NodeRequest, Failure> {
        NodeRequest::parse(&Parameters::parse(query))
    }

    fn kind(query: &str) -> (String, String, Option<String>) {
        let request = parse(query).unwrap();
        (request.version, request.architecture, request.flavor)
    }

    #[test]
    fn what_is_not_said_is_as_in_duffy_2() {
        let kind = |query| {
            let (version, architecture, flavor) = kind(query);
            format!(
                "{version} {architecture} {}",
                flavor.as_deref().unwrap_or("-")
            )
        };
        assert_eq!(kind(""), "7 x86_64 -");
        assert_eq!(kind("ver=&arch=&flavor=&count="), "7 x86_64 -");
        assert_eq!(kind("arch=aarch64"), "7 aarch64 tiny");
        assert_eq!(kind("arch=ppc64le&flavor="), "7 ppc64le tiny");
        assert_eq!(
            kind("arch=aarch64&flavor=medium&ver=8-stream"),
            "8-stream aarch64 medium"
        );
        assert_eq!(kind("flavor=medium"), "7 x86_64 medium");
        assert_eq!(kind("arch=i386&ver=6"), "6 i386 -");
    }

    #[test]
    fn as_many_as_asked_for_or_between_two_numbers() {
        let numbers = |query: &str| {
            let request = parse(query).unwrap();
            (request.minimum, request.maximum)
        };
        assert_eq!(numbers(""), (1, 1));
        assert_eq!(numbers("count=5"), (5, 5));
        assert_eq!(numbers("count=5&min=2"), (2, 5));
        assert_eq!(numbers("count=5&min=0"), (0, 5));
        assert_eq!(numbers("i_count=5"), (1, 1));
        for query in [
            "count=0",
            "count=-1",
            "count=x",
            "count=1.5",
            "count=1e3",
            "count=4294967296",
            "count=10001",
            "count=2&min=3",
            "count=2&min=-1",
            "min=2",
        ] {
            assert!(parse(query).is_err(), "{query}");
        }
    }

    #[test]
    fn waiting_has_an_end() {
        assert_eq!(parse("wait=0").unwrap().wait, None);
        assert_eq!(
            parse("wait=30").unwrap().wait,
            Some(Duration::from_secs(30))
        );
        assert_eq!(parse("wait=300").unwrap().wait, Some(WAIT_LIMIT));
        for query in ["wait=301", "wait=-1", "wait=ever"] {
            assert!(parse(query).is_err(), "{query}");
        }
    }

    #[test]
    fn hosts_to_avoid_are_a_list() {
        let excluded = |query: &str| parse(query).unwrap().excluded_hosts;
        assert_eq!(excluded("exclude_host=n1.%25,%20n2%25,,"), ["n1.%", "n2%"]);
        assert!(excluded("exclude_host=").is_empty());
        assert!(parse(&format!("exclude_host={}", "a,".repeat(65))).is_err());
        assert!(parse(&format!("exclude_host={}", "a".repeat(256))).is_err());
        assert!(parse("exclude_host=a%00").is_err());
    }

    #[test]
    fn words_are_short_and_can_be_written() {
        for name in ["ver", "arch", "flavor"] {
            let longest = "x".repeat(WORD_LIMIT);
            assert!(parse(&format!("{name}={longest}")).is_ok());
            assert!(parse(&format!("{name}={longest}x")).is_err());
            assert!(parse(&format!("{name}=a%00b")).is_err());
            assert!(parse(&format!("{name}='%20OR%201=1%3B--")).is_ok());
        }
    }
}
