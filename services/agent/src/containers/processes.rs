//! Which processes of this machine belong to which container.
//!
//! A process belongs to the container that its environment names, which it has from whoever started it; a process that has emptied
//! its environment, to that of the leader of its group. So one that has made a session of its own (`setsid`) is found as well.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Instant,
};

use tokio::sync::Mutex;
use uuid::Uuid;

use super::process::{Process, ProcessId, numbers, read, variable};

/// Names the container in the environment of its processes.
pub(crate) const CONTAINER_VARIABLE: &str = "BACKENDAI_CONTAINER_ID";

/// So often a process is asked whose it is: between its fork and its exec it still has the agent's environment.
const LOOKS: u8 = 2;

/// The processes of containers at one moment.
pub(crate) type Snapshot = HashMap<Uuid, Vec<Process>>;

/// Finds the processes of containers.
#[derive(Debug, Default)]
pub(crate) struct Processes {
    last: Mutex<Option<Last>>,
}

#[derive(Debug)]
struct Last {
    began: Instant,
    snapshot: Arc<Snapshot>,
    known: HashMap<ProcessId, Known>,
}

/// Whose a process is.
#[derive(Debug, Clone, Copy)]
enum Known {
    Member(Uuid),
    /// Asked so often.
    Stranger(u8),
}

impl Processes {
    /// The processes that run now. Who asks while somebody else looks shares the look after that.
    pub(crate) async fn look(&self) -> Arc<Snapshot> {
        let asked = Instant::now();
        let mut last = self.last.lock().await;
        if let Some(last) = last.as_ref()
            && last.began > asked
        {
            return last.snapshot.clone();
        }
        let began = Instant::now();
        let known = last.take().map(|last| last.known).unwrap_or_default();
        // It reads some hundred files. Ends early only with the runtime.
        let looked = tokio::task::spawn_blocking(move || look(known)).await;
        let (snapshot, known) = looked.unwrap_or_default();
        let snapshot = Arc::new(snapshot);
        *last = Some(Last {
            began,
            snapshot: snapshot.clone(),
            known,
        });
        snapshot
    }

    /// The processes of one container.
    pub(crate) async fn of(&self, container: Uuid) -> Vec<Process> {
        self.look()
            .await
            .get(&container)
            .cloned()
            .unwrap_or_default()
    }
}

fn look(mut before: HashMap<ProcessId, Known>) -> (Snapshot, HashMap<ProcessId, Known>) {
    let processes: Vec<Process> = numbers().into_iter().filter_map(read).collect();
    let mut known = HashMap::with_capacity(processes.len());
    for process in &processes {
        let whose = match before.remove(&process.id) {
            Some(Known::Stranger(looks)) if looks < LOOKS => ask(process.id, looks),
            Some(whose) => whose,
            None => ask(process.id, 0),
        };
        known.insert(process.id, whose);
    }
    let leaders: HashMap<i32, Uuid> = known
        .iter()
        .filter_map(|(id, whose)| match whose {
            Known::Member(container) => Some((id.number, *container)),
            Known::Stranger(_) => None,
        })
        .collect();
    let mut snapshot = Snapshot::new();
    for process in processes {
        let own = match known.get(&process.id) {
            Some(Known::Member(container)) => Some(*container),
            _ => leaders.get(&process.group).copied(),
        };
        if let Some(container) = own {
            snapshot.entry(container).or_default().push(process);
        }
    }
    (snapshot, known)
}

fn ask(id: ProcessId, looks: u8) -> Known {
    let container = variable(id.number, CONTAINER_VARIABLE).and_then(|text| text.parse().ok());
    container.map_or(Known::Stranger(looks + 1), Known::Member)
}

/// The groups that these processes lead: whom a signal to the group reaches is theirs.
pub(crate) fn groups(processes: &[Process]) -> HashSet<i32> {
    processes
        .iter()
        .filter(|process| process.group == process.id.number)
        .map(|process| process.group)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::{os::unix::process::CommandExt as _, process::Command};

    use muster_platform::{Ids as _, RandomIds};

    use super::*;

    #[tokio::test]
    async fn members_are_known_by_their_environment_or_their_leader() {
        let container = RandomIds.next();
        let mut child = Command::new("sh")
            .args(["-c", "env -i sleep 600 & setsid sleep 600 & wait"])
            .env(CONTAINER_VARIABLE, container.to_string())
            .process_group(0)
            .spawn()
            .unwrap();
        let processes = Processes::default();
        let found = async || {
            let found = processes.of(container).await;
            (found.len() == 3 && groups(&found).len() == 2).then_some(found)
        };
        let found = muster_testkit::eventually(muster_testkit::DEADLINE, "three", found)
            .await
            .unwrap();
        for process in found {
            process.id.signal(rustix::process::Signal::KILL);
        }
        child.wait().unwrap();
        let gone = async || processes.of(container).await.is_empty().then_some(());
        muster_testkit::eventually(muster_testkit::DEADLINE, "gone", gone)
            .await
            .unwrap();
    }
}
