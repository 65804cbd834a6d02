#!/bin/sh
# docs/preview-profile.svg: where the time of a no-op preview goes, from a real one. Needs cargo, for inferno, which
# draws it.
set -eu

version=0.12.4
tools=.sandbox/profile
[ -x "$tools/bin/inferno-flamegraph" ] || cargo install --quiet --locked --root "$tools" --version "$version" inferno
profiles=$(mktemp -d)
trap 'rm -rf "$profiles"' EXIT
PROFILE_FOLDER="$profiles" node --require esbuild-register test/bench/profile.ts
node tools/profile/fold.mjs "$profiles" > "$profiles/stacks"
"$tools/bin/inferno-flamegraph" --title "A preview with nothing to do: milliseconds on a processor" --countname ms \
    --nametype "" --width 1000 --minwidth 1 --fontsize 11 --colors blue --deterministic \
    "$profiles/stacks" > docs/preview-profile.svg
