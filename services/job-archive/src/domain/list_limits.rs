//! How much one list may ask of the archive.

/// Jobs in one answer. Real clients ask for "all running jobs" in one page (`api/clustercockpit.md` §4): a large site
/// runs some ten thousand.
pub(crate) const MAX_JOBS: u64 = 100_000;

/// Bytes of job documents in one answer, which is put together in memory.
pub(crate) const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Jobs read by one statement, at first ...
const FIRST_CHUNK: u64 = 50;
/// ... and at most.
const LARGEST_CHUNK: u64 = 500;
/// A statement that read more bytes of job documents than this is followed by one for fewer jobs.
const LARGE_CHUNK_BYTES: usize = 4 * 1024 * 1024;

/// How many jobs are read at once: more and more, but fewer where they are large, since all are in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chunk(u64);

impl Chunk {
    /// The first.
    pub(crate) const FIRST: Self = Self(FIRST_CHUNK);

    /// How many jobs to read, with `left` wanted.
    pub(crate) fn limit(self, left: u64) -> u64 {
        self.0.min(left)
    }

    /// The one after a chunk with this many bytes of documents.
    pub(crate) fn next(self, bytes: usize) -> Self {
        Self(if bytes > LARGE_CHUNK_BYTES {
            (self.0 / 2).max(1)
        } else {
            (self.0 * 2).min(LARGEST_CHUNK)
        })
    }
}

/// Which jobs of all that fit are on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    /// Jobs before it.
    pub(crate) skipped: u64,
    /// Jobs on it, at most.
    pub(crate) size: u64,
}

impl Page {
    /// Page `number`, counted from 1, of pages of `size` jobs; without a size, one page has them all.
    pub(crate) fn new(number: u64, size: Option<u64>) -> Self {
        let before = number.saturating_sub(1);
        match size {
            Some(size) => Self {
                skipped: before.saturating_mul(size),
                size,
            },
            None => Self {
                skipped: if before == 0 { 0 } else { u64::MAX },
                size: u64::MAX,
            },
        }
    }

    /// Whether it may have more jobs than an answer.
    pub(crate) fn may_be_too_large(self) -> bool {
        self.size > MAX_JOBS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_counted_from_one() {
        let page = |skipped, size| Page { skipped, size };
        assert_eq!(Page::new(1, Some(25)), page(0, 25));
        assert_eq!(Page::new(3, Some(25)), page(50, 25));
        assert_eq!(Page::new(0, Some(25)), page(0, 25));
        assert_eq!(Page::new(1, None), page(0, u64::MAX));
        assert_eq!(
            Page::new(u64::MAX, Some(u64::MAX)),
            page(u64::MAX, u64::MAX)
        );
    }

    #[test]
    fn chunks_grow_while_jobs_are_small() {
        let small = Chunk::FIRST.next(0).next(0).next(0).next(0);
        assert_eq!(small.limit(u64::MAX), LARGEST_CHUNK);
        assert_eq!(small.limit(7), 7);
        let large = (0..20).fold(small, |chunk, _| chunk.next(LARGE_CHUNK_BYTES + 1));
        assert_eq!(large.limit(u64::MAX), 1);
    }

    #[test]
    fn everything_is_on_the_first_of_endless_pages() {
        assert_eq!(Page::new(2, None).skipped, u64::MAX);
    }
}
