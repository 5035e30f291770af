//! Where things are: the repository, its rig folder, what cargo built.

use std::env;
use std::path::{Path, PathBuf};

/// The top folder of the repository this crate was built from.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is inside the repository").into()
}

/// A file or folder below `tests/`, such as `data/vectors`.
pub fn in_tests(path: impl AsRef<Path>) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Where downloaded and built tools live: `SOPS_RIG_DIR`, or `.rig` in the repository. Several
/// work trees may point at one folder.
pub fn rig() -> PathBuf {
    env::var_os("SOPS_RIG_DIR").map_or_else(|| repository().join(".rig"), PathBuf::from)
}

/// The folder cargo builds into: `CARGO_TARGET_DIR`, or `target` in the repository.
pub fn target() -> PathBuf {
    let folder = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    repository().join(folder)
}

/// The first executable file with this name on `PATH`.
pub fn on_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|folder| folder.join(program))
        .find(|path| is_program(path))
}

/// Whether this is an executable file.
pub fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
