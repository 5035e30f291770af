//go:build tools

// Package tools pins the program that checks manifests against schemas, for tests of the operator. Nothing here is compiled into
// sops-rs: `cargo xtask` builds it into .rig/bin/cluster.
package tools

import _ "github.com/yannh/kubeconform/cmd/kubeconform"
