use std::path::Path;

use muster_contract::job_archive::ListJobs;
use muster_platform::Timestamp;
use muster_storage::Database;
use muster_testkit::TemporaryDirectory;
use serde_json::{Value, json};

use super::*;
use crate::{
    archive::{files::ArchiveFiles, place::ArchivePlace},
    domain::{
        archive_layout::JobKey,
        format_version::FormatVersion,
        meta_file::{self, ArchivedJob},
    },
    store::archived_jobs::jobs_after,
    testing::{NOON, genuine, on_both_engines},
};

const NOW: Timestamp = Timestamp::from_seconds(NOON);

fn directory(place: &Path) -> ArchiveFiles {
    ArchiveFiles::open(ArchivePlace::Directory(place.to_owned())).unwrap()
}

fn options() -> ImportOptions {
    ImportOptions {
        tenant: "demo".to_owned(),
        now: NOW,
    }
}

/// Makes an archive of all genuine jobs; returns them.
fn genuine_archive(place: &Path) -> Vec<(JobKey, ArchivedJob)> {
    let data = muster_testkit::programs::repository().join("../shared/data/clustercockpit");
    let mut jobs = Vec::new();
    std::fs::write(place.join("version.txt"), "3\n").unwrap();
    for (name, bytes) in genuine("meta.json") {
        let archived = meta_file::read(&bytes).unwrap();
        let key = archived.key();
        let directory = place.join(key.directory());
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("meta.json"), &bytes).unwrap();
        let stem = name.strip_suffix("meta.json").unwrap();
        let mut measured = false;
        for ending in ["data.json", "data.json.gz"] {
            let file = data.join("genuine").join(format!("{stem}{ending}"));
            if let Ok(bytes) = std::fs::read(file) {
                std::fs::write(directory.join(ending), bytes).unwrap();
                measured = true;
            }
        }
        if !measured {
            std::fs::write(directory.join("data.json"), "{}").unwrap();
        }
        let cluster = format!("clusters/{}.cluster.json", key.cluster);
        let description = std::fs::read(data.join(cluster)).unwrap();
        std::fs::write(place.join(&key.cluster).join("cluster.json"), description).unwrap();
        jobs.push((key, archived));
    }
    jobs
}

async fn stored(database: &Database) -> Vec<(JobKey, Value)> {
    let jobs = jobs_after(database, 0).await.unwrap();
    let mut jobs: Vec<_> = jobs
        .into_iter()
        .map(|mut job| {
            job.id = 0;
            let key = JobKey {
                cluster: job.cluster.clone(),
                job_id: job.job_id,
                start_time: job.start_time,
            };
            job.tags.iter_mut().for_each(|tag| tag.id = 0);
            (key, serde_json::to_value(job).unwrap())
        })
        .collect();
    jobs.sort_by(|one, other| one.0.cmp(&other.0));
    jobs
}

on_both_engines! {
    async fn the_tables_are_rebuilt_from_the_archive_and_the_archive_from_the_tables(database) {
        let (first, second) = (TemporaryDirectory::new("first").unwrap(), TemporaryDirectory::new("second").unwrap());
        let jobs = genuine_archive(first.path());
        if jobs.is_empty() {
            return;
        }
        let (from, own) = (directory(first.path()), directory(second.path()));
        let imported = import(database, &from, &own, &options(), &|| {}).await.unwrap();
        assert_eq!(imported.problems, Problems::default());
        assert_eq!((imported.added, imported.known), (jobs.len() as u64, 0));
        let again = import(database, &from, &own, &options(), &|| {}).await.unwrap();
        assert_eq!((again.added, again.known), (0, jobs.len() as u64));

        // Each job is in the tables as its file says, and is served from the files that came with it.
        let expected = |archived: &ArchivedJob| {
            let mut job = archived.clone().into_job("demo");
            job.monitoring_status = 3;
            serde_json::to_value(job).unwrap()
        };
        let mut all: Vec<_> = jobs.iter().map(|(key, archived)| (key.clone(), expected(archived))).collect();
        all.sort_by(|one, other| one.0.cmp(&other.0));
        assert_eq!(stored(database).await, all);
        for (key, _) in &jobs {
            let (there, here) = (from.read_data(key).await.unwrap(), own.read_data(key).await.unwrap());
            assert!(there.is_some() && there == here, "{key:?}");
        }
        assert_eq!(verify(&own, &|| {}).await.unwrap(), Verified { jobs: jobs.len() as u64, problems: Problems::default() });

        // An archive of the first version, made of the tables, makes the same tables again.
        let third = TemporaryDirectory::new("third").unwrap();
        let old = directory(third.path());
        let count = export(database, &own, &old, ExportOptions { version: FormatVersion::V1 }, &|| {}).await.unwrap();
        assert_eq!(count, jobs.len() as u64);
        assert_eq!(std::fs::read_to_string(third.join("version.txt")).unwrap(), "1\n");
        assert_eq!(verify(&old, &|| {}).await.unwrap().problems, Problems::default());
        let other = export(database, &own, &old, ExportOptions::default(), &|| {}).await;
        assert!(matches!(other, Err(TransferError::OtherVersion { found: 1, wanted: 3, .. })));
        let mut transaction = database.begin().await.unwrap();
        transaction.execute("DELETE FROM job WHERE true", &[]).await.unwrap();
        transaction.commit().await.unwrap();
        import(database, &old, &old, &options(), &|| {}).await.unwrap();
        for (job, (_, mut expected)) in stored(database).await.into_iter().zip(all) {
            for member in ["energy", "footprint", "energy_footprint"] {
                expected["details"].as_object_mut().unwrap().remove(member);
            }
            assert_eq!(job.1, expected);
        }
    }
}

#[tokio::test]
async fn an_archive_says_what_is_in_it() {
    let place = TemporaryDirectory::new("archive").unwrap();
    let jobs = genuine_archive(place.path());
    let clusters = info(&directory(place.path()), &|| {}).await.unwrap();
    let counted: u64 = clusters.values().map(|cluster| cluster.jobs).sum();
    assert_eq!(counted, jobs.len() as u64);
    if let Some(emmy) = clusters.get("emmy") {
        assert_eq!(emmy.jobs, 2);
        let starts = (emmy.first_start, emmy.last_start);
        assert_eq!(starts, (Some(1_608_923_076), Some(1_609_300_556)));
        assert!(emmy.bytes > 850_000, "{}", emmy.bytes);
    }
}

#[tokio::test]
async fn what_is_wrong_with_an_archive_is_said_and_the_rest_imported() {
    let (place, own) = (
        TemporaryDirectory::new("archive").unwrap(),
        TemporaryDirectory::new("own").unwrap(),
    );
    let database = crate::testing::DATABASES.sqlite().await.unwrap();
    let (files, own) = (directory(place.path()), directory(own.path()));
    let nothing = verify(&files, &|| {}).await;
    assert!(matches!(nothing, Err(TransferError::NoArchive { .. })));

    let meta = |job_id: i64| {
        json!({
            "jobId": job_id, "user": "alice", "project": "p", "cluster": "alpha", "subCluster": "main",
            "numNodes": 1, "shared": "none", "jobState": "completed", "duration": 60,
            "startTime": NOON, "resources": [{"hostname": "a01"}], "statistics": {},
        })
    };
    let put = |path: &str, text: &str| {
        let path = place.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    put("version.txt", "3\n");
    put(
        "alpha/cluster.json",
        r#"{"name": "alpha", "subClusters": [{"name": "main", "nodes": "*"}]}"#,
    );
    put(
        &format!("alpha/0/001/{NOON}/meta.json"),
        &meta(1).to_string(),
    );
    put(&format!("alpha/0/001/{NOON}/data.json"), "{}");
    // Torn, of another job, with the wrong number of nodes, with foreign nodes, without data, without meta.json.
    put(&format!("alpha/0/002/{NOON}/meta.json"), "{\"jobId\": 2,");
    put(
        &format!("alpha/0/003/{NOON}/meta.json"),
        &meta(4).to_string(),
    );
    put(&format!("alpha/0/003/{NOON}/data.json"), "{}");
    let mut two_nodes = meta(5);
    two_nodes["numNodes"] = 2.into();
    put(
        &format!("alpha/0/005/{NOON}/meta.json"),
        &two_nodes.to_string(),
    );
    put(&format!("alpha/0/005/{NOON}/data.json"), "{");
    put(
        &format!("alpha/0/006/{NOON}/meta.json"),
        &meta(6).to_string(),
    );
    put(
        &format!("alpha/0/006/{NOON}/data.json"),
        r#"{"clock": {"node": {"timestep": 60, "series": [{"hostname": "b01", "data": [1]}]}}}"#,
    );
    put(&format!("alpha/0/007/{NOON}/data.json"), "{}");
    put("alpha/notes.txt", "");

    let verified = verify(&files, &|| {}).await.unwrap();
    let mut problems: Vec<(&str, &str)> = verified
        .problems
        .shown
        .iter()
        .map(|one| (one.place.as_str(), one.problem.as_str()))
        .collect();
    problems.sort_unstable();
    let expected = [
        ("alpha/0/002/1675944000/meta.json", "EOF while parsing"),
        ("alpha/0/003/1675944000/meta.json", "of another job"),
        (
            "alpha/0/005/1675944000/meta.json",
            "alpha/0/005/1675944000/data.json: EOF",
        ),
        (
            "alpha/0/005/1675944000/meta.json",
            "numNodes is 2, and there are 1",
        ),
        ("alpha/0/006/1675944000/meta.json", "has the node b01"),
        ("alpha/0/007/1675944000/data.json", "no meta.json"),
        ("alpha/notes.txt", "belongs to nothing"),
    ];
    assert_eq!(problems.len(), expected.len(), "{problems:?}");
    for ((place, problem), (expected_place, expected)) in problems.iter().zip(expected) {
        assert_eq!(*place, expected_place);
        assert!(problem.contains(expected), "{place}: {problem}");
    }

    let imported = import(&database.database, &files, &own, &options(), &|| {})
        .await
        .unwrap();
    assert_eq!((imported.added, imported.problems.count), (3, 2));
    let question = ListJobs {
        cluster: Some("alpha".to_owned()),
        ..crate::testing::everything()
    };
    let token = crate::testing::token();
    let listed = crate::queries::list_jobs::list_jobs(&database.database, NOW, &token, question);
    assert_eq!(listed.await.unwrap().unwrap().len(), 3);
}
