//! LocalStack (KMS) and moto (STS, S3): real emulators in virtual environments of the rig folder.
//! No containers, no root, nothing that listens beyond loopback.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use sops_tests::paths;
use sops_tests::rig::aws::Aws;
use sops_tests::rig::servers::{End, Server, answers, free_port};

use crate::{shell, tools};

/// The running pair.
pub(crate) struct Emulators {
    /// Where they listen.
    pub(crate) aws: Aws,
    /// The Python that doubles of other services run on: it has cryptography.
    python: String,
    servers: Vec<Server>,
    /// What LocalStack writes, of no use after it ended.
    state: PathBuf,
}

impl Emulators {
    /// Installs what is missing, starts both, and makes the fixed keys.
    pub(crate) fn start() -> Result<Self> {
        let (localstack, moto) = install()?;
        let kms = free_port()?;
        let sts = free_port()?;
        // One state folder a process: two work trees may run at once.
        let state = paths::rig().join(format!("state/{}", std::process::id()));
        let servers = vec![start_localstack(&localstack, kms, &state)?, start_moto(&moto, sts)?];
        for server in &servers {
            println!(
                "{} is ready after {:.1} s",
                server.name(),
                server.ready_after().as_secs_f32()
            );
        }
        let aws = Aws::at(format!("http://127.0.0.1:{kms}"), format!("http://127.0.0.1:{sts}"));
        let python = moto.join("bin/python").display().to_string();
        let emulators = Self { aws, python, servers, state };
        emulators.aws.create_fixed_keys().map_err(anyhow::Error::msg).context("no fixed keys")?;
        Ok(emulators)
    }

    /// The variables by which tests find them.
    pub(crate) fn variables(&self) -> [(&'static str, &str); 3] {
        [
            ("SOPS_RIG_KMS", &self.aws.kms),
            ("SOPS_RIG_STS", &self.aws.sts),
            ("SOPS_RIG_PYTHON", &self.python),
        ]
    }
}

impl Drop for Emulators {
    fn drop(&mut self) {
        self.servers.clear();
        if let Err(error) = fs::remove_dir_all(&self.state) {
            eprintln!("unable to remove {}: {error}", self.state.display());
        }
    }
}

fn start_localstack(environment: &Path, port: u16, state: &Path) -> Result<Server> {
    let (volume, files) = (state.join("volume"), state.join("files"));
    fs::create_dir_all(&volume).and_then(|()| fs::create_dir_all(&files))?;
    let address = format!("127.0.0.1:{port}");
    let mut command = Command::new(environment.join("bin/python"));
    command.args(["-m", "localstack.runtime.main"]);
    command.env("LOCALSTACK_VOLUME_DIR", volume).env("FILESYSTEM_ROOT", files);
    command.envs([
        ("SERVICES", "kms"),
        ("STRICT_SERVICE_LOADING", "1"),
        ("GATEWAY_LISTEN", &address),
        // The default server listens on all interfaces, whatever the line above says.
        ("GATEWAY_SERVER", "hypercorn"),
        ("DISABLE_EVENTS", "1"),
        ("SKIP_SSL_CERT_DOWNLOAD", "1"),
        ("DNS_ADDRESS", "0"),
        ("OPENAPI_VALIDATE_REQUEST", "0"),
        ("LS_LOG", "warn"),
    ]);
    server("localstack", command, &address, "/_localstack/health")
}

fn start_moto(environment: &Path, port: u16) -> Result<Server> {
    let mut command = Command::new(environment.join("bin/moto_server"));
    command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
    server("moto", command, &format!("127.0.0.1:{port}"), "/moto-api/data.json")
}

/// Starts one that answers at this address.
fn server(
    name: &'static str,
    command: Command,
    address: &str,
    path: &'static str,
) -> Result<Server> {
    let log = paths::rig().join(format!("logs/{name}-{}.log", std::process::id()));
    Server::start(name, command, End::Gently, &log, answers(address, path))
}

fn install() -> Result<(PathBuf, PathBuf)> {
    let _lock = tools::lock()?;
    let python = python()?;
    Ok((
        environment(&python, "localstack", "rig/aws/localstack.txt")?,
        environment(&python, "moto", "rig/aws/moto.txt")?,
    ))
}

/// The Python that doubles of services run on, installed if it is missing.
pub(crate) fn python_of_doubles() -> Result<PathBuf> {
    let _lock = tools::lock()?;
    Ok(environment(&python()?, "moto", "rig/aws/moto.txt")?.join("bin/python"))
}

/// The Python the locks were made for; later ones lack some of the pinned packages.
pub(crate) fn python() -> Result<PathBuf> {
    for name in ["python3.11", "python3", "python3.12"] {
        let Some(path) = paths::on_path(name) else { continue };
        let version = shell::output(&mut shell::command(&path, ["--version"])).unwrap_or_default();
        if ["3.11.", "3.12."].iter().any(|good| version.contains(good)) {
            return Ok(path);
        }
    }
    bail!("no Python 3.11 or 3.12 on PATH for the emulators")
}

/// A virtual environment with exactly the packages of one lock; made again when the lock changed.
pub(crate) fn environment(python: &Path, name: &str, lock: &str) -> Result<PathBuf> {
    let lock = paths::in_tests(lock);
    let wanted = fs::read(&lock).with_context(|| format!("unable to read {}", lock.display()))?;
    let folder = paths::rig().join(name);
    let stamp = folder.join("installed.txt");
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(folder);
    }
    println!("installing {name} into {}", folder.display());
    let mut make = shell::command(python, ["-m", "venv", "--clear"]);
    shell::run(make.arg(&folder)).with_context(|| format!("{name} cannot be installed"))?;
    let mut pip = shell::command(folder.join("bin/pip"), ["install", "--quiet"]);
    pip.args(["--disable-pip-version-check", "--require-hashes", "-r"]).arg(&lock);
    shell::run(&mut pip).with_context(|| format!("{name} cannot be installed"))?;
    fs::write(&stamp, wanted).context("unable to note what was installed")?;
    Ok(folder)
}
