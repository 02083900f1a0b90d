//! What batch systems' clients send, word for word (`api/clustercockpit.md` §4), and what a real Slurm's hooks sent.
#![cfg(test)]

mod clients;
mod hooks;
