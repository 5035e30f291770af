//! Where a key service listens.
//!
//! A Unix socket is made with mode 0600 from its first moment, taken over from a service that died,
//! and removed at the end if it is still ours.

use std::{
    fmt, io,
    net::{SocketAddr, TcpListener, ToSocketAddrs as _},
};

use sops_providers::keyservice::Listener;

use crate::failure::{Failure, os_words};

/// A place that is listened to. Dropping it takes a Unix socket away.
#[derive(Debug)]
pub(crate) enum Socket {
    /// TCP, with the port that was chosen if none was given.
    Tcp(SocketAddr),
    #[cfg(unix)]
    Unix(unix::Path),
}

impl Socket {
    /// Listens.
    pub(crate) fn listen(network: &str, address: &str) -> Result<(Self, Listener), Failure> {
        let failed = |error: &io::Error| {
            Failure::generic(format!("listen {network} {address}: bind: {}", os_words(error)))
        };
        match network {
            "tcp" | "tcp4" | "tcp6" => {
                let listener = bind(network, address).map_err(|error| failed(&error))?;
                let bound = listener.local_addr().map_err(|error| failed(&error))?;
                Ok((Self::Tcp(bound), Listener::Tcp(listener)))
            }
            #[cfg(unix)]
            "unix" => {
                let (path, listener) = unix::bind(address).map_err(|error| failed(&error))?;
                Ok((Self::Unix(path), Listener::Unix(listener)))
            }
            _ => Err(Failure::generic(format!("listen {network}: unknown network {network}"))
                .hint("--network takes tcp, tcp4, tcp6 or unix")),
        }
    }

    /// Whether it is a Unix socket.
    pub(crate) fn is_private(&self) -> bool {
        !matches!(self, Self::Tcp(_))
    }

    /// Whether nobody on another machine reaches it.
    pub(crate) fn stays_here(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().is_loopback(),
            #[cfg(unix)]
            Self::Unix(_) => true,
        }
    }
}

impl fmt::Display for Socket {
    /// As clients write it, without TLS.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "tcp://{address}"),
            #[cfg(unix)]
            Self::Unix(path) => write!(f, "unix://{path}"),
        }
    }
}

fn bind(network: &str, address: &str) -> io::Result<TcpListener> {
    // As in Go, no host is all of this machine's.
    let all = if network == "tcp4" { "0.0.0.0" } else { "[::]" };
    let address = match address.starts_with(':') {
        true => format!("{all}{address}"),
        false => address.to_owned(),
    };
    let mut places: Vec<SocketAddr> = address.to_socket_addrs()?.collect();
    match network {
        "tcp4" => places.retain(SocketAddr::is_ipv4),
        "tcp6" => places.retain(SocketAddr::is_ipv6),
        _ => {}
    }
    if places.is_empty() {
        return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, "no suitable address found"));
    }
    TcpListener::bind(&places[..])
}

#[cfg(unix)]
mod unix {
    use std::{
        fmt, fs, io,
        os::unix::{
            fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
            net::{UnixListener, UnixStream},
        },
        path::PathBuf,
    };

    use rustix::{fs::Mode, process::umask};

    /// A socket in the file system, and which one it is.
    #[derive(Debug)]
    pub(crate) struct Path {
        path: PathBuf,
        identity: Option<(u64, u64)>,
    }

    /// Makes a socket for its owner only.
    pub(super) fn bind(path: &str) -> io::Result<(Path, UnixListener)> {
        let path = PathBuf::from(path);
        remove_if_dead(&path)?;
        // Nothing else of this program runs yet that could make files meanwhile.
        let before = umask(Mode::RWXG | Mode::RWXO | Mode::XUSR);
        let listener = UnixListener::bind(&path);
        umask(before);
        let listener = listener?;
        // Some systems do not mind the mask.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        let identity = fs::symlink_metadata(&path).ok().map(|file| (file.dev(), file.ino()));
        Ok((Path { path, identity }, listener))
    }

    /// A socket on which nobody listens any more is one that a service left when it was killed.
    fn remove_if_dead(path: &PathBuf) -> io::Result<()> {
        let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
        let dead = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
        if is_socket && UnixStream::connect(path).is_err_and(dead) {
            fs::remove_file(path)?;
        }
        Ok(())
    }

    impl fmt::Display for Path {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let whole = std::path::absolute(&self.path);
            whole.as_ref().unwrap_or(&self.path).display().fmt(f)
        }
    }

    impl Drop for Path {
        fn drop(&mut self) {
            let now = fs::symlink_metadata(&self.path).ok().map(|file| (file.dev(), file.ino()));
            if now.is_some() && now == self.identity {
                // Whoever comes next finds it dead otherwise.
                let _ = fs::remove_file(&self.path);
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn place(name: &str) -> (PathBuf, PathBuf) {
            let number = std::process::id();
            let folder = std::env::temp_dir().join(format!("sops-rs-socket-{name}-{number}"));
            fs::create_dir_all(&folder).unwrap();
            (folder.join("s"), folder)
        }

        #[test]
        fn it_is_for_its_owner_and_goes_with_its_value() {
            let (path, folder) = place("mode");
            let (socket, listener) = bind(path.to_str().unwrap()).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
            // One that lives is not taken over.
            let error = bind(path.to_str().unwrap()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
            drop((socket, listener));
            assert!(!path.exists());
            fs::remove_dir_all(folder).unwrap();
        }

        #[test]
        fn one_that_was_left_is_taken_over_and_another_file_is_not() {
            let (path, folder) = place("left");
            let (socket, listener) = bind(path.to_str().unwrap()).unwrap();
            std::mem::forget(socket);
            drop(listener);
            assert!(path.exists());
            let (second, _listener) = bind(path.to_str().unwrap()).unwrap();
            // Somebody else's by now: it stays.
            fs::remove_file(&path).unwrap();
            fs::write(&path, "a file").unwrap();
            assert!(bind(path.to_str().unwrap()).is_err());
            drop(second);
            assert_eq!(fs::read(&path).unwrap(), b"a file");
            fs::remove_dir_all(folder).unwrap();
        }
    }
}
