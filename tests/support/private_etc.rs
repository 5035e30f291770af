//! An `/etc` with one more file in it, for one program alone.
//!
//! `/etc/sops/audit.yaml` has one path, and every program on the machine follows it. So it is put
//! there in a mount namespace of the program under test.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use crate::run::Run;

/// Makes the file, then becomes the program: `$0` is a folder for it, `$1` the content.
const SCRIPT: &str = "\
set -e
mount -t tmpfs none \"$0\"
mkdir \"$0/up\" \"$0/work\" \"$0/full\"
mount -t overlay overlay -o \"lowerdir=/etc,upperdir=$0/up,workdir=$0/work\" /etc
mkdir -p /etc/sops
printf %s \"$1\" > /etc/sops/audit.yaml
mount -t tmpfs -o size=4k none \"$0/full\"
shift
exec \"$@\"
";

/// Flags of `unshare` for whoever runs the tests.
fn flags() -> &'static [&'static str] {
    // Whoever is not root becomes it in a namespace of users, for what belongs to that namespace.
    match rustix::process::geteuid().is_root() {
        true => &["--mount"],
        false => &["--map-root-user", "--mount"],
    }
}

/// Whether such a place can be made here.
pub fn is_possible() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        let Ok(folder) = tempfile::tempdir() else { return false };
        let mut command = Command::new("unshare");
        command.args(flags()).args(["sh", "-c", SCRIPT]).arg(folder.path()).args(["", "true"]);
        command.output().is_ok_and(|output| output.status.success())
    })
}

/// The program, with this as the content of `/etc/sops/audit.yaml`. Into `folder`, which has to be
/// empty, goes what the program alone sees; `folder/full` is a disk with 4 KiB.
pub fn with_audit_settings(run: Run, folder: &Path, content: &str) -> Run {
    let mut words: Vec<&str> = flags().to_vec();
    let place = folder.to_str().expect("a scratch folder has a plain name");
    words.extend(["sh", "-c", SCRIPT, place, content]);
    run.behind("unshare", words)
}
