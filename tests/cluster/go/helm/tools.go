//go:build tools

// Package tools pins the program that renders the chart, for tests of the operator. Nothing here is compiled into
// sops-rs: `cargo xtask` builds it into .rig/bin/cluster.
package tools

import _ "helm.sh/helm/v4/cmd/helm"
