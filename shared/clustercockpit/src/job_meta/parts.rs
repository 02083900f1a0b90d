//! The objects inside of a job.

use std::fmt;

use muster_contract::job_archive;
use muster_contract::job_archive::{MetricStatistics, Unit};
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use utoipa::ToSchema;

use crate::go_json::{GoValue, Place, go_object, read_members, storable};

/// A node, and what of it is used.
#[derive(Debug, Default, PartialEq, ToSchema)]
pub struct Resource {
    /// Name of the node.
    #[schema(required = true, example = "f0101", max_length = 255)]
    hostname: String,
    /// Ids of the hardware threads; none = all.
    hwthreads: Option<Vec<i32>>,
    /// Ids of the accelerators.
    accelerators: Option<Vec<String>>,
    /// Configuration options of the node.
    configuration: Option<String>,
}

go_object!(Resource {
    "hostname" => hostname,
    "hwthreads" => hwthreads,
    "accelerators" => accelerators,
    "configuration" => configuration,
});

impl From<Resource> for job_archive::Resource {
    fn from(resource: Resource) -> Self {
        Self {
            hostname: resource.hostname,
            hwthreads: resource.hwthreads.unwrap_or_default(),
            accelerators: resource.accelerators.unwrap_or_default(),
            configuration: resource.configuration.unwrap_or_default(),
        }
    }
}

/// A tag.
#[derive(Debug, Default, PartialEq, ToSchema)]
pub struct Tag {
    /// Number of the tag in the archive; ignored in requests.
    pub(super) id: Option<i64>,
    /// Type of the tag.
    #[schema(example = "Debug", max_length = 255)]
    pub(crate) r#type: String,
    /// Name of the tag.
    #[schema(example = "Testjob", max_length = 255)]
    pub(crate) name: String,
    /// `global` (without it), `admin`, or the name of the one user who sees it.
    #[schema(example = "global")]
    pub(crate) scope: Option<String>,
}

go_object!(Tag {
    "id" => id,
    "type" => r#type,
    "name" => name,
    "scope" => scope,
});

/// Jobs on the same nodes.
#[derive(Debug, Default, PartialEq, ToSchema)]
pub struct ConcurrentJobs {
    /// The jobs.
    items: Option<Vec<JobLink>>,
    /// How many.
    count: Option<i64>,
}

go_object!(ConcurrentJobs {
    "items" => items,
    "count" => count,
});

/// A job, by its numbers.
#[derive(Debug, Default, PartialEq, ToSchema)]
#[schema(rename_all = "camelCase")]
struct JobLink {
    /// Number in the archive.
    id: Option<i64>,
    /// Number on the cluster.
    job_id: Option<i64>,
}

go_object!(JobLink {
    "id" => id,
    "jobId" => job_id,
});

/// One metric over the whole job.
#[derive(Debug, Default, PartialEq, ToSchema)]
pub struct Statistics {
    /// A word such as `GHz`, or, in later releases, `{"base":"Hz","prefix":"G"}`.
    #[schema(value_type = Object)]
    unit: MetricUnit,
    /// Mean.
    #[schema(example = 2500)]
    avg: f64,
    /// Smallest value.
    #[schema(example = 2000)]
    min: f64,
    /// Greatest value.
    #[schema(example = 3000)]
    max: f64,
}

go_object!(Statistics {
    "unit" => unit,
    "avg" => avg,
    "min" => min,
    "max" => max,
});

impl From<Statistics> for MetricStatistics {
    fn from(statistics: Statistics) -> Self {
        Self {
            unit: statistics.unit.0,
            avg: statistics.avg,
            min: statistics.min,
            max: statistics.max,
        }
    }
}

#[derive(Debug, Default, PartialEq)]
struct MetricUnit(Option<Unit>);

#[derive(Debug, Default, PartialEq)]
struct UnitParts {
    base: String,
    prefix: String,
}

go_object!(UnitParts {
    "base" => base,
    "prefix" => prefix,
});

impl GoValue for MetricUnit {
    const EXPECTED: &'static str = "a string or an object";

    fn read<'de, D: Deserializer<'de>>(
        &mut self,
        member: &'static str,
        deserializer: D,
    ) -> Result<bool, D::Error> {
        deserializer.deserialize_any(UnitVisitor(Place::new(self, member)))
    }
}

struct UnitVisitor<'t>(Place<'t, MetricUnit>);

impl<'de> Visitor<'de> for UnitVisitor<'_> {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(MetricUnit::EXPECTED, formatter)
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<bool, E> {
        let word = storable(word.into(), self.0.member)?;
        self.0.target.0 = Some(Unit::Word(word));
        Ok(true)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<bool, A::Error> {
        let mut parts = UnitParts::default();
        read_members(&mut parts, map)?;
        self.0.target.0 = Some(Unit::Parts {
            base: parts.base,
            // Left out when it is empty, as in Go.
            prefix: Some(parts.prefix).filter(|prefix| !prefix.is_empty()),
        });
        Ok(true)
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }
}
