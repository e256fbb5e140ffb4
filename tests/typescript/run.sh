#!/usr/bin/env bash
# Tests the TypeScript client: its types against openapi.yaml, its calls against `doorbell dev` and scripted faults, and its package.
# usage: tests/typescript/run.sh [path of doorbell]      takes about a minute on two cores
set -euo pipefail
cd "$(dirname "$0")/../.."
. localstack/tools.sh
doorbell=$(realpath "${1:-target/debug/doorbell}")

need npm nodejs npm
cd clients/typescript
npm ci --no-audit --no-fund --loglevel=error
npm run --silent check-generated
npm run --silent build
DOORBELL_BIN=$doorbell npm run --silent test
