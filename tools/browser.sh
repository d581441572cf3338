#!/usr/bin/env bash
# Sees to it that the browser tests find a Chromium: an installed one, else playwright's, else Debian's package (as root).
# Finding none is not an error here; the tests then say loudly that they skip.
set -uo pipefail
cd "$(dirname "$0")/.."

installed() { command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null 2>&1
playwrights_own() { compgen -G "${PLAYWRIGHT_BROWSERS_PATH:-$HOME/.cache/ms-playwright}/chromium-*" >/dev/null; }

installed || playwrights_own && exit 0
echo "No Chromium is installed: fetching one for the browser tests."
.venv/bin/playwright install chromium >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core && exit 0
fi >/dev/null 2>&1
echo "No Chromium could be fetched: the browser tests will be skipped. Install one (for example: apt-get install chromium)." >&2
exit 0
