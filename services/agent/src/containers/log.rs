//! What a container writes: a file that its processes have open themselves, so that it does not end with the agent.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use muster_contract::agent::LOG_LIMIT;
use rustix::fs::{FallocateFlags, fallocate};

/// Of so many bytes on disk the older ones are let go of.
const KEPT: u64 = 4 * LOG_LIMIT as u64;

/// Bytes of a block of a file system, as `stat` counts them.
const BLOCK: u64 = 512;

/// Opens it to be written to, behind what is there.
pub(super) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// The end of it: at most [`LOG_LIMIT`] bytes of text.
pub(super) fn read(path: &Path) -> String {
    let bytes = tail(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let mut start = text.len().saturating_sub(LOG_LIMIT);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    text.get(start..).unwrap_or_default().to_owned()
}

fn tail(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_LIMIT as u64)))?;
    let mut bytes = Vec::new();
    // It may grow while it is read.
    file.take(LOG_LIMIT as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Lets go of what is too long ago, should it be much: the place on disk is given back, and what is written meanwhile stays whole.
pub(super) fn trim(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    let data = file.metadata()?;
    if data.blocks().saturating_mul(BLOCK) <= KEPT || data.len() <= KEPT {
        return Ok(());
    }
    let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    if fallocate(&file, hole, 0, data.len() - LOG_LIMIT as u64).is_err() {
        // A file system without holes: better nothing than a full disk.
        file.set_len(0)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use muster_testkit::TemporaryDirectory;

    use super::*;

    #[test]
    fn the_end_is_kept_and_the_rest_given_back() {
        let directory = TemporaryDirectory::new("log").unwrap();
        let path = directory.join("log");
        assert_eq!(read(&path), "");
        let mut log = open(&path).unwrap();
        for _ in 0..6 {
            log.write_all(&vec![b'a'; LOG_LIMIT]).unwrap();
        }
        log.write_all("\u{e9}nd".as_bytes()).unwrap();
        log.sync_all().unwrap();
        trim(&path).unwrap();
        let blocks = std::fs::metadata(&path).unwrap().blocks();
        assert!(blocks * BLOCK <= KEPT, "{blocks}");
        log.write_all(b"!").unwrap();
        let text = read(&path);
        assert!(text.ends_with("a\u{e9}nd!") || text == "!");
        assert!(text.len() <= LOG_LIMIT && !text.contains('\0'));
    }

    #[test]
    fn bytes_that_are_no_text_do_no_harm() {
        let directory = TemporaryDirectory::new("log").unwrap();
        let path = directory.join("log");
        open(&path)
            .unwrap()
            .write_all(&vec![0xff; LOG_LIMIT])
            .unwrap();
        let text = read(&path);
        assert!(text.len() <= LOG_LIMIT && text.ends_with('\u{fffd}'));
    }
}
