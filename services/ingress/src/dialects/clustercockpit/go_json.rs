//! Reading JSON the way Go does. It is in a crate of its own, since the archive reads the same documents from NATS.

pub(super) use muster_clustercockpit::go_json::decode;
