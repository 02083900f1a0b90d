# Every recipe is one plain command: without `just`, type the command itself.

# List the recipes.
default:
    @just --list

# Start everything on this machine (options: --listen ADDR --data DIR --site FILE).
up *options:
    deploy/up {{options}}

# Run every test; arguments go on to the test runner (`just test --fast`, `just test contract`).
test *arguments:
    deploy/test {{arguments}}

# Measure the way of a write, the list of a million jobs, the lending of nodes, job sessions (`--only freezer-lists,freezer-runs`), and compute sessions (`--only compute`), and lists of a million of them (`--only graphql --sessions 1000000`).
bench *arguments:
    cargo build --release --locked -p muster && cargo run --release --locked -p muster-tests --bin bench -- {{arguments}}

# Send real jobs through a running Muster and show what happens.
demo *arguments:
    cargo build --release --locked -p muster && cargo run --release --locked -p muster-tests --bin demo -- {{arguments}}

# Show the trace of each request in a terminal, without Grafana.
traces:
    cargo run --locked -p muster-tests --bin traces

# Formatting, lints, licences and advisories; runs no test.
check:
    deploy/check

# Bring the databases of every part up to date.
migrate *options:
    cargo run --locked -p muster -- migrate {{options}}

# Apply streams and consumers to the broker.
topology *options:
    cargo run --locked -p muster -- topology apply {{options}}

# Write the committed OpenAPI and AsyncAPI documents anew.
spec:
    cargo run --locked -p muster -- spec write
