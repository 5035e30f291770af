//! Another user of this machine, for `exec-env --user` and `exec-file --user`.
//!
//! Users and groups are those of `/etc/passwd` and `/etc/group`. Who the program is belongs to each
//! thread on Linux: the one that calls [`User::become_it`] becomes the user, and so does everything
//! it starts afterwards.

use std::fs;

use crate::failure::{Failure, os_words};

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    /// The name that was asked for.
    pub(crate) name: String,
    /// Its home, as its variable shall have it.
    pub(crate) home: String,
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
}

impl User {
    /// Looks for a user by name.
    pub(crate) fn find(name: &str) -> Result<Self, Failure> {
        let read = |path: &str| {
            fs::read_to_string(path)
                .map_err(|error| Failure::generic(format!("open {path}: {}", os_words(&error))))
        };
        let (users, groups) = (read("/etc/passwd")?, read("/etc/group").unwrap_or_default());
        Self::among(name, &users, &groups).ok_or_else(|| {
            Failure::generic(format!("user: unknown user {name}"))
                .hint("users are looked for in /etc/passwd")
        })
    }

    fn among(name: &str, users: &str, groups: &str) -> Option<Self> {
        let mut user = users.lines().find_map(|line| {
            let mut fields = line.split(':');
            let (found, _, uid) = (fields.next()?, fields.next()?, fields.next()?);
            let (gid, _, home) = (fields.next()?, fields.next()?, fields.next()?);
            if found != name || name.is_empty() {
                return None;
            }
            let (uid, gid) = (uid.parse().ok()?, gid.parse().ok()?);
            let (name, home) = (name.to_owned(), home.to_owned());
            Some(Self { name, home, uid, gid, groups: vec![gid] })
        })?;
        for line in groups.lines() {
            let mut fields = line.split(':').skip(2);
            let gid = fields.next().and_then(|gid| gid.parse::<u32>().ok());
            let member = fields.next().is_some_and(|names| names.split(',').any(|n| n == name));
            if let Some(gid) = gid.filter(|gid| member && !user.groups.contains(gid)) {
                user.groups.push(gid);
            }
        }
        Some(user)
    }

    /// Makes this thread that user. There is no way back.
    #[cfg(target_os = "linux")]
    pub(crate) fn become_it(&self) -> Result<(), Failure> {
        use rustix::{
            process::{Gid, Uid},
            thread::{set_thread_gid, set_thread_groups, set_thread_uid},
        };
        let number = |id: u32| if id == u32::MAX { None } else { Some(id) };
        let ids = || {
            let groups: Option<Vec<_>> = self.groups.iter().map(|id| number(*id)).collect();
            Some((groups?, number(self.gid)?, number(self.uid)?))
        };
        let failed = |what: &str, why: &str| {
            Failure::generic(format!("cannot become user {}: {what}: {why}", self.name))
                .hint("only root may become somebody else")
        };
        let Some((groups, gid, uid)) = ids() else {
            return Err(failed("the numbers in /etc/passwd", "out of range"));
        };
        let groups: Vec<_> = groups.into_iter().map(Gid::from_raw).collect();
        let done = |what: &str, outcome: rustix::io::Result<()>| {
            outcome.map_err(|error| failed(what, &os_words(&error.into())))
        };
        // The user last: without the right to, nothing else could be changed.
        done("setgroups", set_thread_groups(&groups))?;
        done("setgid", set_thread_gid(Gid::from_raw(gid)))?;
        done("setuid", set_thread_uid(Uid::from_raw(uid)))
    }

    /// Not on this system.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn become_it(&self) -> Result<(), Failure> {
        Err(Failure::generic("--user works on Linux only"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str = "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34:,,,:/srv/web:/bin/sh\nbad:x\n";
    const GROUPS: &str =
        "root:x:0:\nweb:x:34:\nlogs:x:35:other,web\nnear:x:36:webs\nmore:x:34:web\n";

    #[test]
    fn users_have_their_groups_and_home() {
        let web = User::among("web", USERS, GROUPS).unwrap();
        assert_eq!((web.uid, web.gid, web.home.as_str()), (33, 34, "/srv/web"));
        assert_eq!(web.groups, [34, 35]);
    }

    #[test]
    fn nobody_else_is_found() {
        for name in ["", "webs", "we", "33", "bad"] {
            assert_eq!(User::among(name, USERS, GROUPS), None, "{name}");
        }
        let failure = User::find("nosuchuser").unwrap_err();
        assert_eq!(failure.message(), "user: unknown user nosuchuser");
    }
}
