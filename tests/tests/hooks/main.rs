//! Hooks of nodes and sessions: a running Muster, a running agent, programs of the site.
#![cfg(test)]

mod agent_away;
mod agent_killed;
mod failing_nodes;
mod house;
mod node_life;
mod sessions;
mod site;
mod traces;
