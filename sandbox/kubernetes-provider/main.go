// The official Kubernetes provider of Pulumi, as a plugin for the sandbox's engine: what its own main does, which cannot be
// built as it is, because the module comes without the two files that it embeds.
package main

import (
	_ "embed"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
)

// The version of the SDK that the program has installed, set by the build: the engine asks for exactly that one.
var version string

// Both are the module's own; the build puts them here.
//
//go:embed schema.json
var schema []byte

//go:embed terraform-mapping.json
var terraformMapping []byte

func main() {
	provider.Serve("kubernetes", version, schema, terraformMapping)
}
