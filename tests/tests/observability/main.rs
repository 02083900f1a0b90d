//! What Muster shows of itself: traces of sagas, metrics, and what is shipped to look at them with. One running Muster for all of
//! it: each part a process, an agent, a real OTLP receiver, a real Prometheus.
#![cfg(test)]

mod compose;
mod errors;
mod expressions;
mod prometheus;
mod saga;
mod seen;
mod shipped;
mod units;
mod world;
