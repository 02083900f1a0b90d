//! The end of what a program says.

/// The last bytes of a text that may be endless.
#[derive(Debug)]
pub(crate) struct Tail {
    bytes: Vec<u8>,
    limit: usize,
    /// Whether there was more before.
    cut: bool,
}

impl Tail {
    /// Keeps so many bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            limit,
            cut: false,
        }
    }

    /// What comes next.
    pub(crate) fn push(&mut self, more: &[u8]) {
        self.bytes.extend_from_slice(more);
        let surplus = self.bytes.len().saturating_sub(self.limit);
        if surplus > 0 {
            self.bytes.drain(..surplus);
            self.cut = true;
        }
    }

    /// The last lines in at most `limit` bytes, without blanks around them. A line whose beginning is gone is left out, unless
    /// there is no other.
    pub(crate) fn lines(&self, limit: usize) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        let text = text.trim_end();
        let mut start = text.len().saturating_sub(limit);
        while !text.is_char_boundary(start) {
            start += 1;
        }
        let cut = self.cut || start > 0;
        let kept = text.get(start..).unwrap_or_default();
        let whole = kept.split_once('\n').map(|(_, rest)| rest);
        whole.filter(|_| cut).unwrap_or(kept).trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(limit: usize, text: &str) -> String {
        let mut tail = Tail::new(limit);
        for piece in text.as_bytes().chunks(3) {
            tail.push(piece);
        }
        tail.lines(limit)
    }

    #[test]
    fn the_last_whole_lines_are_kept() {
        assert_eq!(lines(100, "one\ntwo\n\n"), "one\ntwo");
        assert_eq!(lines(7, "one\ntwo\nthree"), "three");
        assert_eq!(lines(4, "one long line"), "line");
        assert_eq!(lines(100, ""), "");
    }

    proptest! {
        #[test]
        fn it_is_never_longer_than_it_may_be(text in ".*", limit in 0_usize..64) {
            prop_assert!(lines(limit, &text).len() <= limit);
        }

        #[test]
        fn bytes_that_are_no_text_do_no_harm(bytes: Vec<u8>, limit in 0_usize..64) {
            let mut tail = Tail::new(64);
            tail.push(&bytes);
            prop_assert!(tail.lines(limit).len() <= limit);
        }
    }
}
