#!/usr/bin/env bash
# Tests the page in Chromium against `doorbell dev` and a scripted daemon.
# usage: tests/browser/run.sh [path of doorbell]      takes about two minutes on two cores
# UPDATE_SCREENSHOTS=1 writes the screenshots of README.md.
set -euo pipefail
cd "$(dirname "$0")/../.."
. localstack/tools.sh
DOORBELL_BIN=$(realpath "${1:-target/debug/doorbell}")
export DOORBELL_BIN

need npm nodejs npm
# Without recommended packages Chromium comes without fonts.
need chromium chromium fonts-dejavu-core

cd tests/browser
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
timeout 600 npm test
