//! What the job archive is told and asked beyond starts, stops and lists.

use super::Entry;
use crate::{
    Part,
    job_archive::{
        DeleteJob, DeleteJobsBefore, EditJobMeta, FindJob, FindMachineState, JobsDeleted,
        ListClusters, ListNodeStates, ListUsedNodes, RecordMachineState, RecordNodeStates,
        RemoveTags, TagJob, UntagJob,
    },
};

pub(super) fn entries() -> Vec<Entry> {
    vec![
        Entry::command::<TagJob>(&[Part::Ingress]),
        Entry::command::<UntagJob>(&[Part::Ingress]),
        Entry::command::<RemoveTags>(&[Part::Ingress]),
        Entry::command::<DeleteJob>(&[Part::Ingress]),
        Entry::command::<DeleteJobsBefore>(&[Part::Ingress]),
        Entry::command::<EditJobMeta>(&[Part::Ingress]),
        Entry::command::<RecordNodeStates>(&[Part::Ingress]),
        Entry::command::<RecordMachineState>(&[Part::Ingress]),
        Entry::event::<JobsDeleted>(&[Part::Session]),
        Entry::query::<FindJob>(&[Part::Ingress]),
        Entry::query::<ListClusters>(&[Part::Ingress]),
        Entry::query::<ListUsedNodes>(&[Part::Ingress]),
        Entry::query::<ListNodeStates>(&[Part::Ingress]),
        Entry::query::<FindMachineState>(&[Part::Ingress]),
    ]
}
