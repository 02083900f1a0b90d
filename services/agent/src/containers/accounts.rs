//! What a container has used, over all its starts.

use std::{fs, path::Path};

use muster_contract::agent::Usage;
use serde::{Deserialize, Serialize};

use super::process::{Process, disk_bytes};

/// Files and directories of a scratch directory that are looked at; a larger one counts as far as these.
const SCRATCH_ENTRIES: usize = 20_000;

/// What a container has used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Accounts {
    /// By the processes before it was started anew.
    before: Usage,
    /// By those since then.
    now: Usage,
}

impl Accounts {
    /// Over all its starts.
    pub(crate) fn total(&self) -> Usage {
        let (before, now) = (&self.before, &self.now);
        Usage {
            cpu_used: before.cpu_used + now.cpu_used,
            mem_max_bytes: before.mem_max_bytes.max(now.mem_max_bytes),
            mem_cur_bytes: now.mem_cur_bytes,
            net_rx_bytes: before.net_rx_bytes + now.net_rx_bytes,
            net_tx_bytes: before.net_tx_bytes + now.net_tx_bytes,
            io_read_bytes: before.io_read_bytes + now.io_read_bytes,
            io_write_bytes: before.io_write_bytes + now.io_write_bytes,
            io_max_scratch_size: before.io_max_scratch_size.max(now.io_max_scratch_size),
            io_cur_scratch_size: now.io_cur_scratch_size,
        }
    }

    /// These are its processes now. What one has used that is gone, and for which none of them has waited, is remembered only as far as
    /// it was seen: the sums never become less.
    pub(crate) fn saw(&mut self, processes: &[Process]) {
        let now = &mut self.now;
        let (read, written) = processes
            .iter()
            .map(|process| disk_bytes(process.id.number))
            .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let cpu = processes.iter().map(|process| process.cpu).sum();
        now.cpu_used = now.cpu_used.max(cpu);
        now.mem_cur_bytes = processes.iter().map(|process| process.memory).sum();
        now.mem_max_bytes = now.mem_max_bytes.max(now.mem_cur_bytes);
        now.io_read_bytes = now.io_read_bytes.max(read);
        now.io_write_bytes = now.io_write_bytes.max(written);
    }

    /// Docker says that it has used so much since it was started.
    pub(crate) fn counted(&mut self, usage: &Usage) {
        let now = &mut self.now;
        now.cpu_used = now.cpu_used.max(usage.cpu_used);
        now.mem_cur_bytes = usage.mem_cur_bytes;
        now.mem_max_bytes = now.mem_max_bytes.max(usage.mem_max_bytes);
        now.net_rx_bytes = now.net_rx_bytes.max(usage.net_rx_bytes);
        now.net_tx_bytes = now.net_tx_bytes.max(usage.net_tx_bytes);
        now.io_read_bytes = now.io_read_bytes.max(usage.io_read_bytes);
        now.io_write_bytes = now.io_write_bytes.max(usage.io_write_bytes);
    }

    /// This is the size of its scratch directory now.
    pub(crate) fn saw_scratch(&mut self, bytes: u64) {
        self.now.io_cur_scratch_size = bytes;
        self.now.io_max_scratch_size = self.now.io_max_scratch_size.max(bytes);
    }

    /// Its processes have ended; in all they had so many milliseconds on processors, if that is known.
    pub(crate) fn ended(&mut self, cpu: Option<u64>) {
        self.now.cpu_used = self.now.cpu_used.max(cpu.unwrap_or_default());
        let total = self.total();
        self.before = Usage {
            mem_cur_bytes: 0,
            ..total
        };
        self.now = Usage {
            io_cur_scratch_size: total.io_cur_scratch_size,
            ..Usage::default()
        };
    }
}

/// Bytes of the files in a directory and below it.
pub(crate) fn scratch_size(directory: &Path) -> u64 {
    let (mut bytes, mut entries) = (0, 0);
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            entries += 1;
            if entries > SCRATCH_ENTRIES {
                return bytes;
            }
            // Of a link, the link.
            match entry.metadata() {
                Ok(data) if data.is_dir() => directories.push(entry.path()),
                Ok(data) => bytes += data.len(),
                Err(_) => {}
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use muster_testkit::TemporaryDirectory;
    use proptest::prelude::*;

    use super::*;
    use crate::containers::process::ProcessId;

    fn process(cpu: u64, memory: u64) -> Process {
        Process {
            // Nobody has this number.
            id: ProcessId {
                number: i32::MAX,
                began: 1,
            },
            group: i32::MAX,
            cpu,
            memory,
        }
    }

    #[test]
    fn what_was_used_before_a_restart_counts() {
        let mut accounts = Accounts::default();
        accounts.saw(&[process(10, 100), process(5, 50)]);
        accounts.saw(&[process(12, 60)]);
        accounts.saw_scratch(7);
        let total = accounts.total();
        assert_eq!(
            (total.cpu_used, total.mem_max_bytes, total.mem_cur_bytes),
            (15, 150, 60)
        );
        accounts.ended(Some(20));
        assert_eq!(accounts.total().cpu_used, 20);
        assert_eq!(accounts.total().mem_cur_bytes, 0);
        accounts.saw(&[process(1, 1)]);
        let total = accounts.total();
        assert_eq!((total.cpu_used, total.mem_max_bytes), (21, 150));
        assert_eq!(
            (total.io_max_scratch_size, total.io_cur_scratch_size),
            (7, 7)
        );
    }

    #[test]
    fn the_size_of_a_directory_is_that_of_its_files() {
        let directory = TemporaryDirectory::new("scratch").unwrap();
        fs::create_dir(directory.join("below")).unwrap();
        fs::write(directory.join("one"), "1234").unwrap();
        fs::write(directory.join("below/two"), "12").unwrap();
        std::os::unix::fs::symlink("/", directory.join("below/link")).unwrap();
        assert_eq!(scratch_size(directory.path()), 7);
    }

    proptest! {
        #[test]
        fn sums_never_become_less(looks in proptest::collection::vec((0_u64..1000, 0_u64..1000, any::<bool>()), 0..20)) {
            let mut accounts = Accounts::default();
            for (cpu, memory, ends) in looks {
                let before = accounts.total();
                accounts.saw(&[process(cpu, memory)]);
                if ends {
                    accounts.ended(None);
                }
                let after = accounts.total();
                prop_assert!(after.cpu_used >= before.cpu_used);
                prop_assert!(after.mem_max_bytes >= before.mem_max_bytes.max(after.mem_cur_bytes));
            }
        }
    }
}
