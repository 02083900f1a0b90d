//! The dialect backendai over a running Muster: compute sessions with real processes on agents, the complaints of its users
//! (`api/backendai.md` §8) one by one, the real clients, and parts and agents that die at any step.
#![cfg(test)]

mod agents;
mod archive;
mod batches;
mod clusters;
mod complaints;
mod deadlines;
mod errors;
mod events;
mod graphql;
mod house;
mod kills;
mod names;
mod own_agent;
mod processes;
mod queue;
mod races;
mod real_clients;
mod sessions;
mod site;
