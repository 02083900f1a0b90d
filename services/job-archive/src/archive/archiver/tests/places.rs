//! On S3, on S3 that is away, and on a disk that is full.

use muster_testkit::skip;

use super::*;

#[tokio::test]
async fn on_s3_as_in_a_directory() {
    let database = DATABASES.sqlite().await.unwrap();
    let server = s3_server::S3Server::start();
    let place = ArchivePlace::parse(&server.url("archive/of/jobs")).unwrap();
    let files = ArchiveFiles::open(place).unwrap();
    life(&database.database, &files).await;
    let kept = paths(
        &server
            .directory()
            .join(s3_server::BUCKET)
            .join("archive/of/jobs"),
    );
    assert_eq!(
        kept,
        [
            "alpha/0/007/1675944000/data.json",
            "alpha/0/007/1675944000/meta.json",
            "alpha/0/009/1675944000/data.json",
            "alpha/0/009/1675944000/meta.json",
            "alpha/cluster.json",
            "version.txt",
        ]
    );
    let jobs: Vec<_> = files.jobs().collect().await;
    let mut jobs: Vec<i64> = jobs.into_iter().map(|job| job.unwrap().job_id).collect();
    jobs.sort_unstable();
    assert_eq!(jobs, [7, 9]);
}

#[tokio::test]
async fn on_s3_that_is_away_jobs_wait() {
    let database = DATABASES.sqlite().await.unwrap();
    let database = &database.database;
    let mut server = s3_server::S3Server::start();
    let place = ArchivePlace::parse(&server.url("")).unwrap();
    let files = ArchiveFiles::open(place).unwrap();
    let working = Working::start(database, &files, Arc::new(RisingLoad));
    begin(database, &[start(7, NOON)]).await;
    let ready = async || working.health.ready().then_some(());
    eventually(DEADLINE, "the archive", ready).await.unwrap();
    server.stop();
    end(database, &working, &[7]).await;
    let failed = async || (job(database, 7).await.monitoring_status == NOT_ARCHIVED).then_some(());
    eventually(DEADLINE, "the failure to be noted", failed)
        .await
        .unwrap();
    server.start_again();
    all_done(database).await;
    assert_eq!(job(database, 7).await.monitoring_status, ARCHIVED);
    assert!(meta(&files, 7).await.is_some());
}

/// A small file system of the test's own; gone when it is dropped.
struct SmallDisk(TemporaryDirectory);

impl SmallDisk {
    /// `None`, which is said, without the right to mount one.
    fn new() -> Option<Self> {
        let directory = TemporaryDirectory::new("disk").unwrap();
        let options = c"size=64k";
        let mounted = rustix::mount::mount(
            "tmpfs",
            directory.path(),
            "tmpfs",
            rustix::mount::MountFlags::empty(),
            options,
        );
        match mounted {
            Ok(()) => Some(Self(directory)),
            Err(error) => {
                skip("a full disk", &format!("no tmpfs can be mounted: {error}"));
                None
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let flags = rustix::mount::UnmountFlags::DETACH;
        let _ = rustix::mount::unmount(self.0.path(), flags);
    }
}

#[tokio::test]
async fn a_full_disk_keeps_jobs_waiting_until_there_is_room() {
    let Some(disk) = SmallDisk::new() else {
        return;
    };
    let database = DATABASES.sqlite().await.unwrap();
    let database = &database.database;
    let files = directory(disk.0.path());
    let working = Working::start(database, &files, Arc::new(RisingLoad));
    begin(database, &[start(7, NOON)]).await;
    let ready = async || working.health.ready().then_some(());
    eventually(DEADLINE, "the archive", ready).await.unwrap();

    let ballast = disk.0.join("ballast");
    let full = std::fs::write(&ballast, vec![0; 1024 * 1024]).unwrap_err();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    end(database, &working, &[7]).await;
    let failed = async || (job(database, 7).await.monitoring_status == NOT_ARCHIVED).then_some(());
    eventually(DEADLINE, "the failure to be noted", failed)
        .await
        .unwrap();
    assert_eq!(job(database, 7).await.state, JobState::Completed);
    assert_eq!(meta(&files, 7).await, None);
    let shown = format!("{:?}", working.health.snapshot());
    assert!(shown.contains("No space left on device"), "{shown}");

    std::fs::remove_file(&ballast).unwrap();
    all_done(database).await;
    assert_eq!(job(database, 7).await.monitoring_status, ARCHIVED);
    assert!(files.read_data(&key(7)).await.unwrap().is_some());
    assert_eq!(
        paths(disk.0.path()),
        [
            "alpha/0/007/1675944000/data.json",
            "alpha/0/007/1675944000/meta.json",
            "alpha/cluster.json",
            "version.txt",
        ]
    );
    assert!(working.health.ready());
}
