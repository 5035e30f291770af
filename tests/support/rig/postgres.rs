//! A real PostgreSQL server on loopback. Tests share one: each makes a database of its own with
//! [`Postgres::database`].

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use serde::{Deserialize, Serialize};

use super::servers::{End, Server, free_port};
use crate::paths;

/// A role that may insert into the tables of its databases.
pub const ROLE: &str = "sops";
/// One that may connect and nothing else.
pub const POWERLESS: &str = "powerless";
/// One like the first, that has to come by TLS.
pub const TLS_ONLY: &str = "tls_only";
/// The password of all. Nothing but this server may ever see it.
pub const PASSWORD: &str = "pw-canary-81c5f0e2";

/// A running server: all that a client needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Postgres {
    folder: PathBuf,
    programs: PathBuf,
    port: u16,
}

/// A server that was started here. Dropping it ends it.
#[derive(Debug)]
pub struct Running {
    postgres: Postgres,
    server: Server,
}

/// A database with the table of SOPS.
#[derive(Clone, Debug)]
pub struct Database {
    postgres: Postgres,
    /// Its name.
    pub name: String,
}

impl Running {
    /// Starts a server by the programs of one folder.
    pub fn start(programs: &Path, folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)
            .with_context(|| format!("unable to make {}", folder.display()))?;
        let port = free_port()?;
        let postgres = Postgres { folder: folder.to_owned(), programs: programs.to_owned(), port };
        let data = folder.join("data");
        fs::create_dir_all(&data)?;
        write_certificates(folder)?;
        let files = [folder.to_owned(), data.clone(), folder.join("server.key")];
        if let Some((user, group)) = other_user() {
            for path in files.iter().chain([&folder.join("server.crt")]) {
                chown(path, Some(user), Some(group))?;
            }
        }
        fs::set_permissions(&data, Permissions::from_mode(0o700))?;
        fs::set_permissions(folder.join("server.key"), Permissions::from_mode(0o600))?;
        run(postgres
            .as_owner("initdb")
            .args(["-A", "trust", "-U", "postgres", "--no-sync", "-D"])
            .arg(&data))?;
        let rules = format!(
            "local all all trust\n\
             hostnossl all {TLS_ONLY} 127.0.0.1/32 reject\n\
             host all all 127.0.0.1/32 scram-sha-256\n"
        );
        fs::write(data.join("pg_hba.conf"), rules)?;
        let mut command = postgres.as_owner("postgres");
        command.arg("-D").arg(&data);
        for setting in [
            format!("port={port}"),
            "listen_addresses=127.0.0.1".to_owned(),
            format!("unix_socket_directories={}", folder.display()),
            "fsync=off".to_owned(),
            "ssl=on".to_owned(),
            format!("ssl_cert_file={}", folder.join("server.crt").display()),
            format!("ssl_key_file={}", folder.join("server.key").display()),
            // Values of statements are what is looked for in logs.
            "log_statement=none".to_owned(),
        ] {
            command.arg("-c").arg(setting);
        }
        let ready = {
            let postgres = postgres.clone();
            move || postgres.try_query("postgres", "select 1").is_ok()
        };
        let log = folder.join("postgres.log");
        let server = Server::start("postgres", command, End::Gently, &log, ready)?;
        for role in [ROLE, POWERLESS, TLS_ONLY] {
            let create = format!("create role {role} login password '{PASSWORD}'");
            postgres.try_query("postgres", &create)?;
        }
        let record = serde_json::to_vec(&postgres)?;
        fs::write(folder.join("postgres.json"), record).context("unable to note the port")?;
        Ok(Self { postgres, server })
    }

    /// What a client needs.
    pub fn postgres(&self) -> &Postgres {
        &self.postgres
    }

    /// How long it took until it was ready.
    pub fn ready_after(&self) -> Duration {
        self.server.ready_after()
    }
}

/// The server refuses to run as root: then it is somebody who owns nothing.
fn other_user() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let find = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut numbers = line.split(':').skip(2).map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    };
    find("postgres").or_else(|| find("nobody"))
}

impl Postgres {
    /// Reads what was noted in a folder, that of `SOPS_POSTGRES_DIR` for example.
    pub fn at(folder: impl AsRef<Path>) -> Result<Self> {
        let path = folder.as_ref().join("postgres.json");
        let text = fs::read(&path).with_context(|| format!("unable to read {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} makes no sense", path.display()))
    }

    /// Makes a database for one test, with the table of SOPS (CLI §10).
    #[track_caller]
    pub fn database(&self) -> Database {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("audit_{}_{next}", std::process::id());
        self.query("postgres", &format!("create database {name}"));
        let database = Database { postgres: self.clone(), name };
        database.query(&format!(
            "create table audit_event (id serial primary key, timestamp timestamp default \
             current_timestamp, action text, username text, file text); \
             grant insert on audit_event to {ROLE}, {TLS_ONLY}; \
             grant usage on audit_event_id_seq to {ROLE}, {TLS_ONLY}"
        ));
        database
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate of the authority behind its own, which is for `127.0.0.1`.
    pub fn authority(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    /// The folder of its socket.
    pub fn socket_folder(&self) -> &Path {
        &self.folder
    }

    #[track_caller]
    fn query(&self, database: &str, statement: &str) -> String {
        self.try_query(database, statement).expect("the server of the rig does what it is told")
    }

    /// Asks as somebody who may do everything.
    fn try_query(&self, database: &str, statement: &str) -> Result<String> {
        let mut command = Command::new(self.programs.join("psql"));
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "postgres"]);
        command.arg("-h").arg(&self.folder).arg("-p").arg(self.port.to_string());
        command.args(["-d", database, "-c", statement]);
        run(&mut command)
    }

    /// A program of the server, as somebody who is not root.
    fn as_owner(&self, program: &str) -> Command {
        let program = self.programs.join(program);
        let mut command = match other_user() {
            Some((user, group)) => {
                let mut command = Command::new("setpriv");
                command.arg(format!("--reuid={user}")).arg(format!("--regid={group}"));
                command.args(["--clear-groups", "--pdeathsig", "TERM", "--"]).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.env_clear().env("LC_ALL", "C").current_dir(&self.folder);
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command
    }
}

impl Database {
    /// A connection string for one of the roles, with the password in it.
    pub fn url(&self, role: &str, parameters: &str) -> String {
        let (port, name) = (self.postgres.port, &self.name);
        format!("postgres://{role}:{PASSWORD}@127.0.0.1:{port}/{name}?{parameters}")
    }

    /// Asks as somebody who may do everything.
    #[track_caller]
    pub fn query(&self, statement: &str) -> String {
        self.postgres.query(&self.name, statement)
    }

    /// What is in the table, in the order in which it came: `action user file`.
    #[track_caller]
    pub fn rows(&self) -> Vec<String> {
        let all = self.query(
            "select action::text || ' ' || username || ' ' || file from audit_event order by id",
        );
        all.lines().map(str::to_owned).collect()
    }
}

fn run(command: &mut Command) -> Result<String> {
    let name = Path::new(command.get_program()).file_name().map(OsStr::to_owned);
    let output = command.output().with_context(|| format!("unable to start {name:?}"))?;
    if !output.status.success() {
        bail!("{name:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// `ca.crt`, `server.crt` and `.key`.
fn write_certificates(folder: &Path) -> Result<()> {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name.push(DnType::CommonName, "rig of postgres");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let key = KeyPair::generate()?;
    fs::write(folder.join("ca.crt"), parameters.self_signed(&key)?.pem())?;
    let issuer = Issuer::new(parameters, key);
    let mut parameters = CertificateParams::new(vec!["127.0.0.1".to_owned()])?;
    parameters.distinguished_name.push(DnType::CommonName, "server");
    parameters.is_ca = IsCa::ExplicitNoCa;
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    fs::write(folder.join("server.crt"), parameters.signed_by(&key, &issuer)?.pem())?;
    fs::write(folder.join("server.key"), key.serialize_pem())?;
    Ok(())
}

/// Where the programs of a server are: on `PATH`, or where Debian puts them.
pub fn programs() -> Option<PathBuf> {
    let linked = paths::on_path("postgres").and_then(|program| program.canonicalize().ok());
    let on_path = linked.and_then(|program| program.parent().map(Path::to_owned));
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut debian: Vec<PathBuf> =
        versions.filter_map(|version| Some(version.ok()?.path().join("bin"))).collect();
    debian.sort();
    let whole = |folder: &PathBuf| {
        ["postgres", "initdb", "psql"].iter().all(|program| folder.join(program).is_file())
    };
    on_path.into_iter().chain(debian.into_iter().rev()).find(whole)
}
