# Everything there is to do here, from one command each. Needs Node, Go, make and git; writes nothing outside this folder but
# the caches of npm and Go.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

# Paths are relative throughout: make cannot handle a folder whose name has a space in it, and this one's may.
bin := .sandbox/bin
vm := .sandbox/vm
typescript := node --require esbuild-register
# The machine stays usable while Go builds for minutes.
go-build := nice -n 10 go build -buildvcs=false

pulumi-version := $(shell awk '$$1 == "github.com/pulumi/pulumi/pkg/v3" { print $$2 }' sandbox/engine/go.mod)
kubernetes-version := $(shell awk '$$1 == "k8s.io/kubernetes" { print $$2; exit }' sandbox/cluster/go.mod)
kubernetes-parts := $(subst ., ,$(kubernetes-version:v%=%))
kubernetes-version-flags := -X k8s.io/component-base/version.gitVersion=$(kubernetes-version) \
    -X k8s.io/component-base/version.gitMajor=$(word 1,$(kubernetes-parts)) \
    -X k8s.io/component-base/version.gitMinor=$(word 2,$(kubernetes-parts))
provider-module := github.com/pulumi/pulumi-kubernetes/provider/v4
provider-version := $(shell awk '$$2 == "$(provider-module)" { print $$3; exit }' sandbox/kubernetes-provider/go.mod)
kwok-version := $(shell awk '$$1 == "sigs.k8s.io/kwok" { print $$2 }' sandbox/kwok/go.mod)
sbom-options := --sbom-format cyclonedx --sbom-type application --package-lock-only --omit dev
go-modules := $(patsubst %/go.mod,%,$(wildcard sandbox/*/go.mod tools/*/go.mod))
plugin-sources := $(shell find sandbox -name node_modules -prune -o -name kubernetes-provider -prune -o -name '*.ts' -print -o -name '*.json' -print)

.PHONY: help
help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "    make %-10s %s\n", $$1, $$2 }' Makefile

.PHONY: build
build: requirements dependencies $(bin)/pulumi $(bin)/cluster $(bin)/kwok .sandbox/stamps/plugins ## the packages and the sandbox's programs: 13 to 14 minutes once on two cores, then nothing

.PHONY: demo
demo: build ## the whole way on screen, against the real engine, a real API server and a local Azure
	@exec $(typescript) sandbox/demo.ts

.PHONY: test
test: build $(bin)/kubernetes-provider ## types, lint, format and all tests
	@failed=; echo lint types lint-workflows format-check | xargs -n 1 -P 2 $(MAKE) || failed=" checks"; \
	    $(MAKE) vitest || failed="$$failed vitest"; \
	    if [ -n "$$failed" ]; then echo "make test: failed:$$failed"; exit 1; fi

.PHONY: test-unit
test-unit: requirements dependencies ## the pure rules' tests alone, in seconds
	@npx --no-install vitest run --project unit

.PHONY: test-vm
test-vm: requirements ## a capture on real machines: emulated VMs, real disks, real kubelets; needs root and Debian, and says what it lacks
	@lacking=$$(sh sandbox/vm/requirements.sh) || { echo "$$lacking"; exit 0; }; \
	    $(MAKE) build $(vm)/node.raw $(vm)/id && rm -rf $(vm)/runs .sandbox/test-results-vm.json && \
	    sh sandbox/vm/network.sh npx --no-install vitest run --config test/vm/vitest.config.mts \
	    --reporter=default --reporter=json --outputFile.json=.sandbox/test-results-vm.json

.PHONY: test-az
test-az: dependencies .sandbox/stamps/az ## a real az, installed into .sandbox/venv, against the local Azure; needs Python 3.10 or later
	@npx --no-install vitest run --config test/az/vitest.config.mts

.PHONY: test-capi
test-capi: build $(bin)/capi $(bin)/capz $(bin)/kubeadm-bootstrap ## machine pools of Cluster API's own managers against the local Azure: builds them, 5 to 8 minutes once
	@rm -f .sandbox/test-results-capi.json; \
	    npx --no-install vitest run --config test/capi/vitest.config.mts \
	    --reporter=default --reporter=json --outputFile.json=.sandbox/test-results-capi.json

.PHONY: demo-capi
demo-capi: build $(bin)/capi $(bin)/capz ## a MachinePool of Cluster API on screen, with its real managers: builds them, 5 to 8 minutes once
	@exec $(typescript) sandbox/capi/demo.ts

.PHONY: test-times
test-times: ## seconds by suite, of the last make test
	@node .ci/suites.mjs

.PHONY: shell
shell: build ## a shell in its own sandbox: pulumi, kubectl if there is one
	@exec $(typescript) sandbox/shell.ts

.PHONY: recording
recording: build ## docs/demo.svg: records a real run of the demo (needs Python 3)
	@sh tools/recording/record.sh

.PHONY: lint
lint: requirements dependencies ## eslint
	@echo "== lint"; npx --no-install eslint .

.PHONY: lint-workflows
lint-workflows: requirements ## actionlint, on .github/workflows
	@echo "== workflows"; mkdir -p $(bin); cd tools/actionlint && go build -o ../../$(bin)/actionlint github.com/rhysd/actionlint/cmd/actionlint
	@$(bin)/actionlint -shellcheck= -pyflakes=

.PHONY: format
format: requirements dependencies ## prettier, writing
	@npx --no-install prettier --log-level warn --write .
	@gofmt -w sandbox/cluster sandbox/kubernetes-provider

.PHONY: audit
audit: requirements ## known vulnerabilities in production packages, as the npm registry knows them; Go modules against go.sum
	@failed=; for package in . policies; do echo "== npm audit: $$package"; \
	    (cd $$package && npm audit --omit=dev) || failed="$$failed $$package"; done; \
	    for module in $(go-modules); do echo "== go mod verify: $$module"; \
	    (cd $$module && go mod verify) || failed="$$failed $$module"; done; \
	    if [ -n "$$failed" ]; then echo "make audit: failed:$$failed"; exit 1; fi

.PHONY: sbom
sbom: requirements ## dist/sbom/: what the program and the policy pack are made of, in CycloneDX, from the lock files
	@mkdir -p dist/sbom
	@npm sbom $(sbom-options) > dist/sbom/kamino.cdx.json
	@cd policies && npm sbom $(sbom-options) > ../dist/sbom/kamino-policies.cdx.json
	@ls dist/sbom/*

.PHONY: faults
faults: build ## a bump broken at each of its remote calls in each way: an hour and more, goes on where it was broken off; writes docs/faults.md
	@FAULTS=all npx --no-install vitest run test/faults

.PHONY: bench
bench: build ## what previews, bumps and large clusters cost, as ratios within one run: half an hour; PARTS="previews nodes" for some of it
	@exec $(typescript) test/bench/main.ts $(PARTS)

.PHONY: profile
profile: build ## docs/preview-profile.svg, from a real preview (needs cargo)
	@sh tools/profile/profile.sh

.PHONY: clean
clean: ## what was built, the SBOM, and what earlier sandboxes left
	rm -rf .sandbox dist tools/recording/node_modules

.PHONY: types
types: requirements dependencies
	@mkdir -p .sandbox; echo "== types"; npx --no-install tsc --noEmit --incremental --tsBuildInfoFile .sandbox/types.tsbuildinfo

.PHONY: format-check
format-check: requirements dependencies
	@echo "== format"; npx --no-install prettier --log-level warn --check .
	@unformatted=$$(gofmt -l sandbox/cluster sandbox/kubernetes-provider); [ -z "$$unformatted" ] || { echo "not gofmt's format: $$unformatted"; exit 1; }

.PHONY: vitest
vitest:
	@echo "== tests"; rm -f .sandbox/test-results.json; \
	    npx --no-install vitest run --reporter=default --reporter=json --outputFile.json=.sandbox/test-results.json

.PHONY: requirements
requirements:
	@sh sandbox/engine/requirements.sh

.PHONY: dependencies
dependencies: requirements
	@node sandbox/engine/dependencies.mjs || { echo "Installing the npm packages (about a minute)"; npm ci --no-audit --no-fund; }

$(bin)/pulumi: sandbox/engine/go.mod sandbox/engine/go.sum | requirements
	@echo "Building Pulumi $(pulumi-version) (5 to 7 minutes the first time)"
	@mkdir -p $(bin) && cd sandbox/engine && $(go-build) -o ../../$@ \
	    -ldflags "-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=$(pulumi-version)" \
	    github.com/pulumi/pulumi/pkg/v3/cmd/pulumi
	@touch $@

$(bin)/cluster: sandbox/cluster/go.mod sandbox/cluster/go.sum $(wildcard sandbox/cluster/*.go) | requirements
	@echo "Building etcd and Kubernetes $(kubernetes-version): API server, controller manager, scheduler (10 to 12 minutes the first time)"
	@mkdir -p $(bin) && cd sandbox/cluster && $(go-build) -o ../../$@ \
	    -ldflags "-s -w $(kubernetes-version-flags)" .
	@touch $@

# One pattern for both: the guests of `make test-vm` run them.
$(bin)/kubelet $(bin)/kubeadm: $(bin)/%: sandbox/kubelet/go.mod sandbox/kubelet/go.sum | requirements
	@echo "Building $* $(kubernetes-version) (about 2 minutes the first time)"
	@mkdir -p $(bin) && cd sandbox/kubelet && $(go-build) -o ../../$@ \
	    -ldflags "-s -w $(kubernetes-version-flags)" k8s.io/kubernetes/cmd/$*
	@touch $@

$(vm)/rootfs: sandbox/vm/rootfs.sh
	@echo "Building a node's root file system from Debian's packages (about a minute the first time)"
	@sh sandbox/vm/rootfs.sh $@
	@touch $@

$(vm)/node.raw: sandbox/vm/disk.sh $(shell find sandbox/vm/guest -type f) $(vm)/rootfs $(bin)/kubelet $(bin)/kubeadm
	@sh sandbox/vm/disk.sh $(vm)/rootfs $(bin)/kubelet $(bin)/kubeadm $@

$(vm)/id:
	@mkdir -p $(@D) && ssh-keygen -q -t ed25519 -N '' -C kamino-test-vm -f $@

$(bin)/kwok: sandbox/kwok/go.mod sandbox/kwok/go.sum | requirements
	@echo "Building kwok $(kwok-version), which plays the nodes (about 2 minutes the first time)"
	@mkdir -p $(bin) && cd sandbox/kwok && $(go-build) -o ../../$@ -ldflags "-s -w" sigs.k8s.io/kwok/cmd/kwok
	@touch $@

# Only what needs them builds them. Each manager is the main package of its module or below it.
capi-package := sigs.k8s.io/cluster-api
capz-package := sigs.k8s.io/cluster-api-provider-azure
kubeadm-bootstrap-package := sigs.k8s.io/cluster-api/bootstrap/kubeadm
$(bin)/capi $(bin)/capz $(bin)/kubeadm-bootstrap: $(bin)/%: sandbox/capi/go.mod sandbox/capi/go.sum | requirements
	@echo "Building Cluster API's $* (capz is the large one: 4 to 7 minutes the first time; the others a minute)"
	@mkdir -p $(bin) && cd sandbox/capi && $(go-build) -o ../../$@ -ldflags "-s -w" $($*-package)
	@touch $@

# Only what needs it builds it: no stack of the demo has an object of Kubernetes. The module has the two files that it embeds
# beside its own main, under other names.
$(bin)/kubernetes-provider: sandbox/kubernetes-provider/go.mod sandbox/kubernetes-provider/go.sum sandbox/kubernetes-provider/main.go | dependencies
	@echo "Building Pulumi's Kubernetes provider $(provider-version) (5 to 10 minutes the first time)"
	@mkdir -p $(bin) && cd sandbox/kubernetes-provider && go mod download $(provider-module) && \
	    files="$$(go list -m -f '{{.Dir}}' $(provider-module))/cmd/pulumi-resource-kubernetes" && \
	    install -m 644 "$$files/schema.json" "$$files/terraform-mapping.json" . && $(go-build) -o ../../$@ \
	    -ldflags "-s -w -X main.version=$$(node -p 'require("@pulumi/kubernetes/package.json").version')" .
	@touch $@

.sandbox/stamps/az: sandbox/az/requirements.txt sandbox/az/constraints.txt | requirements
	@python3 -c 'import sys, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || \
	    { echo "make test-az: needs Python 3.10 or later with its venv module (Debian: python3-venv)"; exit 1; }
	@echo "Installing $$(sed -n 's/^azure-cli==/az /p' sandbox/az/requirements.txt) into .sandbox/venv (some minutes, once)"
	@python3 -m venv .sandbox/venv && .sandbox/venv/bin/pip install --quiet --disable-pip-version-check \
	    --requirement sandbox/az/requirements.txt --constraint sandbox/az/constraints.txt
	@mkdir -p $(@D) && touch $@

.sandbox/stamps/plugins: $(plugin-sources) package-lock.json | dependencies
	@echo "Bundling the sandbox's Pulumi plugins (a second)"
	@$(typescript) sandbox/engine/install.ts
	@mkdir -p $(@D) && touch $@
