//go:build tools

// Package tools pins the store of the control plane, for tests of the operator. Nothing here is compiled into
// sops-rs: `cargo xtask` builds it into .rig/bin/cluster.
package tools

import _ "go.etcd.io/etcd/server/v3"
