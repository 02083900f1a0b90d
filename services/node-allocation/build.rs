//! Migrations are embedded: a new file in their folder has to build this crate again.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations/node-allocation");
}
