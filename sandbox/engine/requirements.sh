# Says in one line what is missing or too old to build and run this project; silent when all is there.

# at_least FOUND WANTED: is version FOUND (1.26.8) the same as or later than WANTED (1.26)?
at_least() {
    [ "$(printf '%s\n%s\n' "$2" "$1" | sort -t . -k 1,1n -k 2,2n -k 3,3n | head -n 1)" = "$2" ]
}

# require NAME FOUND WANTED WHERE
require() {
    if [ -z "$2" ]; then
        echo "kamino needs $1 $3 or later, and there is none on the PATH: $4" >&2
        exit 1
    elif ! at_least "$2" "$3"; then
        echo "kamino needs $1 $3 or later, and the one on the PATH is $2: $4" >&2
        exit 1
    fi
}

require Node "$(node -p process.versions.node 2>/dev/null)" 20.19 https://nodejs.org/en/download
# GOTOOLCHAIN=local: the Go that is installed, not one that it would download for itself.
require Go "$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null | sed 's/^go//; s/[^0-9.].*//')" 1.26 https://go.dev/dl
