use super::*;

fn described(documents: &[&str]) -> Clusters {
    Clusters::from_documents(documents).unwrap()
}

fn refused(documents: &[&str]) -> String {
    Clusters::from_documents(documents).unwrap_err().to_string()
}

const TWO_PARTS: &str = r#"{"name": "c", "metricConfig": [], "subClusters": [
    {"name": "main", "nodes": "n[01-10]", "topology": {}},
    {"name": "fat", "nodes": "n[09-12],x1"}]}"#;

#[test]
fn a_part_that_was_told_must_be_there() {
    let clusters = described(&[TWO_PARTS]);
    assert_eq!(clusters.place("c", Some("fat"), "n01"), Ok("fat"));
    assert_eq!(
        clusters.place("c", Some("thin"), "n01"),
        Err(StartJobRefusal::UnknownSubCluster {
            cluster: "c".to_owned(),
            sub_cluster: "thin".to_owned()
        })
    );
    assert_eq!(
        clusters.place("d", Some("main"), "n01"),
        Err(StartJobRefusal::UnknownCluster {
            cluster: "d".to_owned()
        })
    );
}

#[test]
fn otherwise_the_first_part_with_the_node_counts() {
    let clusters = described(&[TWO_PARTS]);
    assert_eq!(clusters.place("c", None, "n01"), Ok("main"));
    assert_eq!(clusters.place("c", None, "n10"), Ok("main"));
    assert_eq!(clusters.place("c", None, "n11"), Ok("fat"));
    assert_eq!(clusters.place("c", None, "x1"), Ok("fat"));
    assert_eq!(
        clusters.place("c", None, "n1"),
        Err(StartJobRefusal::NoSubClusterForHost {
            cluster: "c".to_owned(),
            hostname: "n1".to_owned()
        })
    );
}

#[test]
fn a_star_in_the_first_part_stands_for_every_node() {
    let clusters = described(&[
        r#"{"name": "all", "subClusters": [{"name": "a", "nodes": "*"}, {"name": "b", "nodes": "n2"}]}"#,
        r#"{"name": "some", "subClusters": [{"name": "a", "nodes": "n1"}, {"name": "b", "nodes": "*"}]}"#,
    ]);
    assert_eq!(clusters.place("all", None, "n1"), Ok("a"));
    assert_eq!(clusters.place("all", None, "n2"), Ok("b"));
    assert!(clusters.place("some", None, "n2").is_err());
    assert_eq!(clusters.names(), ["all", "some"]);
}

#[test]
fn a_part_may_have_no_nodes() {
    let clusters = described(&[r#"{"name": "c", "subClusters": [{"name": "a"}]}"#]);
    assert_eq!(clusters.place("c", Some("a"), "n1"), Ok("a"));
    assert!(clusters.place("c", None, "").is_err());
}

#[test]
fn descriptions_that_cannot_be_used_say_why() {
    let part = r#"{"name": "a", "nodes": "n1"}"#;
    let cluster = format!(r#"{{"name": "c", "subClusters": [{part}]}}"#);
    let twice = format!(r#"{{"name": "c", "subClusters": [{part}, {part}]}}"#);
    for (documents, expected) in [
        (vec!["[1"], "number 1 cannot be read"),
        (vec!["7"], "number 1 cannot be read"),
        (vec!["[]"], "number 1 has no name"),
        (vec![r#"{"subClusters": []}"#], "number 1 has no name"),
        (vec![r#"{"name": "c"}"#], "c has no subClusters"),
        (
            vec![&cluster, &cluster],
            "two descriptions of the cluster c",
        ),
        (vec![&twice], "\"a\" twice"),
        (
            vec![r#"{"name": "c", "subClusters": [{"name": "a", "nodes": "n[1-"}]}"#],
            "the nodes of c/a: the node list",
        ),
        (
            vec![r#"{"name": "c", "subClusters": [{"name": "a", "nodes": "n[0-99999999999]"}]}"#],
            "more than 1000000 nodes",
        ),
    ] {
        let error = refused(&documents);
        assert!(error.contains(expected), "{error}");
    }
}

/// The three real clusters and every real job there is a file of.
mod real_files {
    use std::fs;

    use serde_json::Value;

    use super::*;

    fn files(folder: &str, ending: &str) -> Option<Vec<Value>> {
        let path = muster_testkit::programs::repository()
            .join("../shared/data/clustercockpit")
            .join(folder);
        let Ok(entries) = fs::read_dir(&path) else {
            muster_testkit::skip(
                "real clusters and jobs",
                "../shared/data/clustercockpit is not there",
            );
            return None;
        };
        let paths = entries.map(|entry| entry.unwrap().path());
        let wanted = paths.filter(|path| path.to_string_lossy().ends_with(ending));
        let read = |path| serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        Some(wanted.map(read).collect())
    }

    #[test]
    fn every_real_job_is_placed_where_its_file_says() {
        let Some(documents) = files("clusters", ".cluster.json") else {
            return;
        };
        let documents: Vec<String> = documents.iter().map(Value::to_string).collect();
        let clusters = Clusters::from_documents(&documents).unwrap();
        assert_eq!(clusters.names().len(), 3);

        let jobs: Vec<Value> = ["jobs", "genuine"]
            .into_iter()
            .flat_map(|folder| files(folder, ".meta.json").unwrap())
            .collect();
        assert!(jobs.len() >= 40, "{}", jobs.len());
        for job in &jobs {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let (cluster, part) = (text(&job["cluster"]), text(&job["subCluster"]));
            assert_eq!(clusters.place(&cluster, Some(&part), ""), Ok(part.as_str()));
            for resource in job["resources"].as_array().unwrap() {
                let host = text(&resource["hostname"]);
                let placed = clusters.place(&cluster, None, &host);
                // The two emmy jobs are of 2020, the description is of a later emmy: its nodes have other names.
                if cluster == "emmy" {
                    assert!(
                        host.starts_with('e') && placed.is_err(),
                        "{host}: {placed:?}"
                    );
                } else {
                    assert_eq!(placed, Ok(part.as_str()), "{host}");
                }
            }
        }
    }

    #[test]
    fn of_two_fritz_parts_with_the_same_nodes_the_first_counts() {
        let Some(documents) = files("clusters", "fritz.cluster.json") else {
            return;
        };
        let clusters = Clusters::from_documents(&[documents[0].to_string()]).unwrap();
        // spr1tb is f[2157-2188,2257-2288], spr2tb is f[2181-2188,2281-2288].
        assert_eq!(clusters.place("fritz", None, "f2157"), Ok("spr1tb"));
        assert_eq!(clusters.place("fritz", None, "f2181"), Ok("spr1tb"));
        assert_eq!(
            clusters.place("fritz", Some("spr2tb"), "f2181"),
            Ok("spr2tb")
        );
    }
}
