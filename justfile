# `just` lists the recipes. Each is a command of CONTRIBUTING.md; CI needs only .ci/run.
_default:
    @just --list --unsorted

# Serve the API on this machine with an embedded DynamoDB and a daemon
dev *arguments:
    cargo run -- dev {{ arguments }}

# Run every test that needs only Rust
test *arguments:
    cargo test {{ arguments }}

# Check format, lints and documentation
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Visit every state of the protocol model
model:
    cargo test -p doorbell-model -- --nocapture

# Run the simulation, or replay one seed: `just simulation 7`
simulation seed="":
    {{ if seed == "" { "DOORBELL_SIM_SEEDS=10000 cargo test --test simulation every_seed" } else { "DOORBELL_SIM_SEED=" + seed + " cargo test --test simulation one_seed" } }} -- --nocapture

# Fuzz the events of every function
fuzz seconds="60":
    DOORBELL_FUZZ_SECONDS={{ seconds }} cargo test --test in_process fuzz_events:: -- --nocapture

# Build the functions as for a deployment
functions:
    localstack/build.sh

# Deploy the template onto an emulator with HTTP APIs and IAM, and run the stack suite
stack *arguments:
    localstack/ministack.sh {{ arguments }}

# Deploy the template onto LocalStack and run the stack suite
localstack *arguments:
    localstack/test.sh {{ arguments }}

# Run the functions in containers with the SAM CLI
sam-local *arguments:
    localstack/sam-local.sh {{ arguments }}

# Run the stack suite on debug builds of the functions, or serve them with --serve
watch *arguments:
    localstack/watch.sh {{ arguments }}

# Test the API against openapi.yaml
schemathesis:
    cargo build
    tests/schemathesis/run.sh

# Run the benches and update BENCHMARKS.md
bench:
    tests/benches/run.sh

# Build the archive and the Debian package of a release: `just package x86_64-unknown-linux-gnu`
package target:
    packaging/build.sh {{ target }}

# Run every check of CI
ci:
    .ci/run
