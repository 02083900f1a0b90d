//! What a process prints, line by line.

use std::{
    io::{BufRead, BufReader, Read},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Context, Result};

/// The lines of one pipe so far.
#[derive(Debug, Default, Clone)]
pub(crate) struct Lines {
    lines: Arc<Mutex<Vec<String>>>,
    /// Whether these are all.
    complete: Arc<AtomicBool>,
}

impl Lines {
    /// Reads `pipe` in a thread of its own until it closes.
    pub(crate) fn collect(pipe: impl Read + Send + 'static) -> Result<Self> {
        let lines = Self::default();
        let collected = lines.clone();
        std::thread::Builder::new()
            .name("output".to_owned())
            .spawn(move || {
                let mut pipe = BufReader::new(pipe);
                let mut line = Vec::new();
                while pipe.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                    collected.push(String::from_utf8_lossy(&line).trim_end().to_owned());
                    line.clear();
                }
                collected.complete.store(true, Ordering::Release);
            })
            .context("starting a thread for a process's output")?;
        Ok(lines)
    }

    /// The lines so far.
    pub(crate) fn get(&self) -> Vec<String> {
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether the pipe has closed, so that these are all.
    pub(crate) fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Acquire)
    }

    fn push(&self, line: String) {
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line);
    }
}
