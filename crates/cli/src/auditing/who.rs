//! Who runs this program, and where.

use std::{fs, io};

use sops_core::audit::Actor;

/// The user of this machine, by what the kernel says and not by variables.
#[cfg(unix)]
pub(super) fn user() -> Actor {
    let id = rustix::process::getuid().as_raw();
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = name_among(&users, id).unwrap_or_else(|| id.to_string());
    // Nobody logged in where a machine starts something by itself.
    let login = fs::read_to_string("/proc/self/loginuid").ok();
    let login = login.and_then(|text| text.trim().parse().ok()).filter(|id| *id != u32::MAX);
    Actor::User { name, id: Some(id), login }
}

#[cfg(not(unix))]
pub(super) fn user() -> Actor {
    Actor::User { name: "unknown".to_owned(), id: None, login: None }
}

#[cfg(unix)]
fn name_among(users: &str, id: u32) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _, number) = (fields.next()?, fields.next()?, fields.next()?);
        (number.parse() == Ok(id) && !name.is_empty()).then(|| name.to_owned())
    })
}

/// The name of this machine.
pub(super) fn host() -> String {
    #[cfg(unix)]
    return rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    String::new()
}

/// The settings, if there are any. Whatever keeps them from being read is an error, unless there is
/// no such file.
pub(super) fn settings(path: &std::path::Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(text) => Ok(Some(text)),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_the_name_of_its_number() {
        let users = "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\nodd\n:x:7:\n";
        assert_eq!(name_among(users, 1000).as_deref(), Some("ann"));
        assert_eq!(name_among(users, 7), None);
    }
}
