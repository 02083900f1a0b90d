//! The expressions of dashboards and alerts.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use muster_testkit::programs;
use serde_json::Value;

/// What Grafana puts in the place of its own variable.
const RATE_INTERVAL: (&str, &str) = ("$__rate_interval", "1m");

/// A shipped dashboard.
pub(crate) struct Dashboard {
    pub(crate) name: String,
    pub(crate) document: Value,
}

impl Dashboard {
    /// All that are shipped.
    pub(crate) fn all() -> Result<Vec<Self>> {
        let directory = programs::repository().join("deploy/grafana/dashboards");
        let mut all = Vec::new();
        for entry in fs::read_dir(&directory)? {
            let path = entry?.path();
            let text = fs::read_to_string(&path)?;
            let document = serde_json::from_str(&text)
                .with_context(|| format!("reading {}", path.display()))?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            all.push(Self {
                name: name.into_owned(),
                document,
            });
        }
        ensure!(all.len() == 6, "{} dashboards", all.len());
        Ok(all)
    }

    /// Each panel.
    pub(crate) fn panels(&self) -> impl Iterator<Item = &Value> {
        self.document["panels"].as_array().into_iter().flatten()
    }

    /// Each target of each panel, and where it is.
    pub(crate) fn targets(&self) -> impl Iterator<Item = (String, &Value)> {
        self.panels().flat_map(move |panel| {
            let place = format!("{}: {}", self.name, panel["title"]);
            let targets = panel["targets"].as_array().into_iter().flatten();
            targets.map(move |target| (place.clone(), target))
        })
    }

    /// The `PromQL` expressions, as Grafana would ask them.
    pub(crate) fn expressions(&self) -> Vec<(String, String)> {
        let targets = self.targets();
        targets
            .filter_map(|(place, target)| {
                let expression = target["expr"].as_str()?;
                Some((place, expression.replace(RATE_INTERVAL.0, RATE_INTERVAL.1)))
            })
            .collect()
    }

    /// The TraceQL queries.
    pub(crate) fn trace_queries(&self) -> Vec<(String, String)> {
        let targets = self.targets();
        targets
            .filter(|(_, target)| target["queryType"] == "traceql")
            .filter_map(|(place, target)| Some((place, target["query"].as_str()?.to_owned())))
            .collect()
    }
}

/// An alert without its threshold: that has data also when all is well.
pub(crate) fn without_threshold(alert: &str) -> Result<&str> {
    let place = [" > ", " < "]
        .iter()
        .filter_map(|operator| alert.rfind(operator))
        .max();
    let (expression, threshold) = alert.split_at(place.context("an alert without a threshold")?);
    let number = threshold.get(3..).unwrap_or_default().trim();
    ensure!(number.parse::<f64>().is_ok(), "{alert}: {threshold}");
    Ok(expression)
}

/// The attributes (`span.…`) and the values of `name` and of text attributes that a TraceQL query names.
pub(crate) fn named(query: &str) -> (Vec<String>, Vec<String>) {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    let attributes = query.split("span.").skip(1).map(|rest| {
        let end = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
        rest.split_at(end).0.to_owned()
    });
    let names = query.split("name = \"").skip(1).filter_map(|rest| {
        let (name, _) = rest.split_once('"')?;
        Some(name.to_owned())
    });
    (attributes.collect(), names.collect())
}

#[test]
fn what_a_query_names() {
    let (attributes, names) = named(r#"{ name = "send a.{b}" && span.muster.waited > 5 }"#);
    assert_eq!(attributes, ["muster.waited"]);
    assert_eq!(names, ["send a.{b}"]);
}

#[test]
fn an_alert_is_an_expression_and_a_threshold() {
    let alert = "max(a / (b > 0)) > 0.95";
    assert_eq!(without_threshold(alert).unwrap(), "max(a / (b > 0))");
    assert!(without_threshold("a or b").is_err());
    assert!(without_threshold("a > b").is_err());
}
