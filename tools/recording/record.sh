#!/bin/sh
# Records a real run of the demo and renders it as docs/demo.svg. Needs Python 3 besides what the sandbox needs; `make recording` calls it.
set -eu
cd "$(dirname "$0")/../.."

tools=.sandbox/recording
[ -x "$tools/python/bin/asciinema" ] || {
    python3 -m venv "$tools/python"
    "$tools/python/bin/pip" install --quiet --require-hashes --requirement tools/recording/requirements.txt
}
[ -d tools/recording/node_modules ] || npm --prefix tools/recording ci --no-audit --no-fund

# stdin is not a terminal, so that pulumi prints lines and draws no spinners. Of this machine the recording has only TERM.
"$tools/python/bin/asciinema" rec --overwrite --quiet --env TERM --cols 128 --rows 34 \
    --command "node --require esbuild-register sandbox/demo.ts < /dev/null" "$tools/demo.cast"
node tools/recording/render.mjs "$tools/demo.cast" docs/demo.svg
