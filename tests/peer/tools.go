//go:build tools

// Package tools pins the reference implementation that sops-rs is compared with. Nothing here is
// compiled into sops-rs: `cargo xtask` builds the command named below into .rig/bin.
package tools

import _ "github.com/getsops/sops/v3/cmd/sops"
