//go:build tools

// Package tools pins the control plane itself, for tests of the operator. Nothing here is compiled into
// sops-rs: `cargo xtask` builds it into .rig/bin/cluster.
package tools

import (
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kube-controller-manager"
	_ "k8s.io/kubernetes/cmd/kubectl"
)
