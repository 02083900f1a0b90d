//! Node lists as cluster descriptions write them.

pub use muster_platform::host_list::HostListError as NodeListError;
pub(crate) use muster_platform::host_list::expand;
