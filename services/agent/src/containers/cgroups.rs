//! What the processes of a container may use together, as the kernel limits it where the agent may make control groups: of version 1
//! (<https://docs.kernel.org/admin-guide/cgroup-v1/>) and version 2 (<https://docs.kernel.org/admin-guide/cgroup-v2.html>).

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use muster_contract::{
    ResourceSlots,
    resource_slots::{CPU, MEMORY},
};
use uuid::Uuid;

/// Where the kernel shows them.
const ROOT: &str = "/sys/fs/cgroup";

/// The group of the agent's containers.
const GROUP: &str = "muster";

/// Microseconds over which the time on processors is counted; and the least of them that the kernel takes.
const PERIOD: u64 = 100_000;
const LEAST_QUOTA: u64 = 1000;

/// Where the agent may make groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cgroups {
    /// One directory for memory and one for processors; one of them may be missing.
    V1 {
        memory: Option<PathBuf>,
        cpu: Option<PathBuf>,
    },
    V2(PathBuf),
}

impl Cgroups {
    /// Those of this machine; `None` = the agent may make none.
    pub(super) fn find() -> Option<Self> {
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        Self::below(Path::new(ROOT), &own)
    }

    /// Those below `root`; `own` says which the agent is in, as `/proc/self/cgroup` does.
    fn below(root: &Path, own: &str) -> Option<Self> {
        if root.join("cgroup.controllers").exists() {
            let own = own_of(own, "").and_then(|path| Path::new(path).parent());
            let own = own.map(|path| inside(root, path));
            let mut places = [root.to_owned()].into_iter().chain(own);
            return places.find_map(|place| make_v2(&place)).map(Self::V2);
        }
        let place = |controller: &str, file: &str| {
            let root = root.join(controller);
            let own = own_of(own, controller).map(|path| inside(&root, Path::new(path)));
            let mut places = own.into_iter().chain([root.clone()]);
            places.find_map(|place| {
                let group = place.join(GROUP);
                make(&group).ok()?;
                group.join(file).exists().then_some(group)
            })
        };
        let memory = place("memory", "memory.limit_in_bytes");
        let cpu = place("cpu", "cpu.cfs_quota_us");
        (memory.is_some() || cpu.is_some()).then_some(Self::V1 { memory, cpu })
    }

    /// Whether memory can be limited.
    pub(super) fn limit_memory(&self) -> bool {
        !matches!(self, Self::V1 { memory: None, .. })
    }

    /// Makes the groups of a container, with limits as its slots say. Its processes are to be put into each of them.
    pub(super) fn make(&self, container: Uuid, slots: &ResourceSlots) -> io::Result<Vec<PathBuf>> {
        let bytes = slots.get(MEMORY).decimal().floor();
        let bytes = u64::try_from(bytes).ok().filter(|bytes| *bytes > 0);
        let quota = slots.get(CPU).decimal().checked_mul(PERIOD.into());
        let quota = quota.and_then(|quota| u64::try_from(quota.floor()).ok());
        let quota = quota.filter(|quota| *quota > 0);
        let quota = quota.map(|quota| quota.max(LEAST_QUOTA));
        let groups = self.groups(container);
        for group in &groups {
            make(group)?;
        }
        match self {
            Self::V2(place) => {
                let group = place.join(container.to_string());
                if let Some(bytes) = bytes {
                    fs::write(group.join("memory.max"), bytes.to_string())?;
                    // Without swap there is no such file.
                    let _ = fs::write(group.join("memory.swap.max"), "0");
                }
                if let Some(quota) = quota {
                    fs::write(group.join("cpu.max"), format!("{quota} {PERIOD}"))?;
                }
            }
            Self::V1 { memory, cpu } => {
                if let (Some(place), Some(bytes)) = (memory, bytes) {
                    let group = place.join(container.to_string());
                    fs::write(group.join("memory.limit_in_bytes"), bytes.to_string())?;
                    // With swap counted, where the kernel counts it.
                    let _ = fs::write(group.join("memory.memsw.limit_in_bytes"), bytes.to_string());
                }
                if let (Some(place), Some(quota)) = (cpu, quota) {
                    let group = place.join(container.to_string());
                    fs::write(group.join("cpu.cfs_period_us"), PERIOD.to_string())?;
                    fs::write(group.join("cpu.cfs_quota_us"), quota.to_string())?;
                }
            }
        }
        Ok(groups)
    }

    /// Removes the groups of a container that nobody is in any more.
    pub(super) fn remove(&self, container: Uuid) {
        for group in self.groups(container) {
            // Not there, or the kernel still holds a process up: an empty group does no harm.
            let _ = fs::remove_dir(group);
        }
    }

    fn groups(&self, container: Uuid) -> Vec<PathBuf> {
        let places = match self {
            Self::V2(place) => vec![place],
            Self::V1 { memory, cpu } => [memory, cpu].into_iter().flatten().collect(),
        };
        let name = container.to_string();
        places.into_iter().map(|place| place.join(&name)).collect()
    }
}

/// The group that the agent is in, of the hierarchy of this controller; `""` is that of version 2.
fn own_of<'a>(text: &'a str, controller: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let controllers = fields.next()?;
        controllers
            .split(',')
            .any(|one| one == controller)
            .then(|| fields.next())?
    })
}

fn inside(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// A group for containers in that place, in which memory and processors can be limited. A group with processes in it hands on
/// nothing, unless it is the first of all.
fn make_v2(place: &Path) -> Option<PathBuf> {
    let group = place.join(GROUP);
    hand_on(place)?;
    make(&group).ok()?;
    hand_on(&group)?;
    Some(group)
}

fn hand_on(group: &Path) -> Option<()> {
    let file = group.join("cgroup.subtree_control");
    let has_both = || {
        let text = fs::read_to_string(&file).ok()?;
        let has = |controller: &str| text.split_whitespace().any(|one| one.ends_with(controller));
        (has("memory") && has("cpu")).then_some(())
    };
    has_both().or_else(|| {
        fs::write(&file, "+memory +cpu").ok()?;
        has_both()
    })
}

fn make(group: &Path) -> io::Result<()> {
    match fs::create_dir(group) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use muster_contract::Amount;
    use muster_testkit::TemporaryDirectory;

    use super::*;

    fn slots() -> ResourceSlots {
        let (cpu, mem) = ("1.5".parse().unwrap(), Amount::from(64 << 20));
        ResourceSlots::from_iter([("cpu".to_owned(), cpu), ("mem".to_owned(), mem)])
    }

    #[test]
    fn version_2_hands_its_controllers_on() {
        let root = TemporaryDirectory::new("cgroups").unwrap();
        fs::write(root.join("cgroup.controllers"), "cpu memory").unwrap();
        let cgroups = Cgroups::below(root.path(), "0::/user.slice/session").unwrap();
        assert_eq!(cgroups, Cgroups::V2(root.join("muster")));
        let container = Uuid::from_u128(7);
        let groups = cgroups.make(container, &slots()).unwrap();
        let of = |name: &str| fs::read_to_string(groups[0].join(name)).unwrap();
        assert_eq!(
            (of("memory.max").as_str(), of("cpu.max").as_str()),
            ("67108864", "150000 100000")
        );
        assert_eq!(groups, [root.join(format!("muster/{container}"))]);
    }

    #[test]
    fn version_1_has_a_directory_for_each_controller() {
        let root = TemporaryDirectory::new("cgroups").unwrap();
        let own = "4:memory:/some/group\n1:cpu,cpuacct:/\n0::/\n";
        // The kernel makes the files with the directory.
        for (place, file) in [
            ("memory/some/group/muster", "memory.limit_in_bytes"),
            ("cpu/muster", "cpu.cfs_quota_us"),
        ] {
            fs::create_dir_all(root.join(place)).unwrap();
            fs::write(root.join(place).join(file), "").unwrap();
        }
        let cgroups = Cgroups::below(root.path(), own).unwrap();
        assert!(cgroups.limit_memory());
        let groups = cgroups.make(Uuid::from_u128(7), &slots()).unwrap();
        let of = |group: usize, name: &str| fs::read_to_string(groups[group].join(name)).unwrap();
        assert_eq!(of(0, "memory.limit_in_bytes"), "67108864");
        assert_eq!(of(1, "cpu.cfs_quota_us"), "150000");
        assert!(groups[0].starts_with(root.join("memory/some/group/muster")));
    }

    #[test]
    fn who_may_make_none_has_none() {
        let root = TemporaryDirectory::new("cgroups").unwrap();
        assert_eq!(Cgroups::below(root.path(), "0::/"), None);
        assert_eq!(own_of("2:cpu,cpuacct:/a:b\n", "cpuacct"), Some("/a:b"));
    }
}
