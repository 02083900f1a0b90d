//! `/Inventory` where there are many nodes.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use hyper::StatusCode;

use super::{
    figures::milliseconds,
    lending::{self, KEY},
    load::{self, Connection, NextRequest, Sender},
    system::{Database, Engine, Muster, TOKEN},
};

/// Nodes there are.
const NODES: usize = 10_000;

/// Sessions that one project has, and nodes in each.
const SESSIONS: usize = 20;
const NODES_OF_A_SESSION: usize = 5;

/// Clients that ask at once.
const CLIENTS: [usize; 2] = [1, 4];

/// Warm-up, in which the pages come into the cache.
const WARM_UP: Duration = Duration::from_secs(1);

/// Prints the latencies.
pub(crate) async fn measure(engine: Engine, duration: Duration) -> Result<()> {
    let muster = Muster::with_nodes(Database::new(engine).await?, NODES).await?;
    let mut connection = Connection::open(muster.address).await?;
    for _ in 0..SESSIONS {
        lending::get(&mut connection, NODES_OF_A_SESSION).await?;
    }
    println!(
        "/Inventory on {}: {NODES} nodes, {} of them lent\n",
        engine.name(),
        SESSIONS * NODES_OF_A_SESSION
    );
    println!("| question | clients | requests/s | p50 | p99 |");
    println!("|---|---|---|---|---|");
    let questions = [
        ("/Inventory", "/Inventory".to_owned()),
        ("/Inventory?key=", format!("/Inventory?key={KEY}")),
    ];
    for (name, path) in questions {
        for clients in CLIENTS {
            let path = path.clone();
            let next: NextRequest = Arc::new(move || ("GET", path.clone(), String::new()));
            let sender = Sender {
                address: muster.address,
                token: TOKEN.to_owned(),
                expected: StatusCode::OK,
                next,
            };
            load::run(&sender, clients, WARM_UP).await?;
            let measured = load::run(&sender, clients, duration).await?;
            println!(
                "| {name} | {clients} | {:.0} | {} | {} |",
                measured.rate(),
                milliseconds(measured.quantile(0.5)),
                milliseconds(measured.quantile(0.99)),
            );
        }
    }
    println!();
    Ok(())
}
