#!/usr/bin/env bash
# Tests the page without a browser: its types, its logic, what its files may contain, and that page/dist is what the source gives.
# usage: tests/page/run.sh      takes about ten seconds
set -euo pipefail
cd "$(dirname "$0")/../.."
. localstack/tools.sh

need npm nodejs npm
cd page
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
npm run --silent check-dist
npm run --silent test
