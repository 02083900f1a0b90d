//! What this machine has for containers.

use std::{fs, thread::available_parallelism};

use muster_contract::{Amount, ResourceSlots, resource_slots};

/// Its cores and its memory.
#[must_use]
pub fn machine_slots() -> ResourceSlots {
    let cores = available_parallelism().map_or(1, |cores| cores.get() as u64);
    let mut slots = ResourceSlots::default();
    slots.set(resource_slots::CPU, Amount::from(cores));
    if let Some(bytes) = memory(&fs::read_to_string("/proc/meminfo").unwrap_or_default()) {
        slots.set(resource_slots::MEMORY, Amount::from(bytes));
    }
    slots
}

/// Bytes of memory (`proc_meminfo(5)`).
fn memory(text: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_cores_and_memory() {
        let slots = machine_slots();
        assert!(!slots.get("cpu").is_zero());
        assert!(slots.get("mem") > Amount::from(1 << 20));
        assert_eq!(memory("MemTotal:        2 kB\nMemFree: 1 kB\n"), Some(2048));
        assert_eq!(memory("MemTotal: lots\n"), None);
    }
}
