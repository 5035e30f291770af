//! `keyservice`: the keys of this machine, for programs elsewhere.

use std::path::PathBuf;

use clap::Args;
use sops_core::keys::KeyKind;
use sops_providers::keyservice::{KeyServer, ServerTls};

use crate::{
    failure::{self, Failure},
    files::input,
    key_services::KeyServices,
    serving::{self, Door, allowed::Allowed, log::Log, socket::Socket},
    status::Status,
};

/// Use the keys of this machine for programs elsewhere
///
/// Wraps and opens data keys for those who ask, with the keys and credentials of this machine.
/// They name this address with --keyservice or in SOPS_KEYSERVICE. Values of files never come here,
/// only data keys.
///
/// Whoever reaches the address can use the keys. So it listens on this machine alone, unless told
/// otherwise; a Unix socket is made for its owner only (mode 0600). Over a network, use certificates
/// for both sides (--tls-client-ca), an allow-list, and --prompt, which asks before a key is used.
///
/// It ends on SIGTERM and SIGINT with status 0, and takes its socket away.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sops-rs keyservice --network unix --address /run/user/1000/keys.sock --prompt
  sops-rs decrypt --keyservice unix:///run/user/1000/keys.sock secret.yaml
  sops-rs keyservice --address 10.0.0.5:5000 --tls-cert s.crt --tls-key s.key --tls-client-ca ca.crt
      --allow-kind age --log /var/log/keys.jsonl")]
pub(crate) struct KeyserviceArgs {
    /// The kind of address: tcp, tcp4, tcp6 or unix
    #[arg(long, visible_alias = "net", value_name = "NETWORK", default_value = "tcp")]
    network: String,
    /// Where to listen: HOST:PORT, or the path of a socket
    #[arg(long, visible_alias = "addr", value_name = "ADDRESS", default_value = "127.0.0.1:5000")]
    address: String,
    /// Ask before each use of a key
    #[arg(long)]
    prompt: bool,
    /// Use no keys but this one and others given so, as they stand in files; may be repeated
    #[arg(long, value_name = "KEY", help_heading = "Restrictions")]
    allow_key: Vec<String>,
    /// Use no keys but of these kinds, and those of --allow-key: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms
    #[arg(long, value_name = "KINDS", help_heading = "Restrictions")]
    allow_kind: Vec<String>,
    /// Append a line of JSON for each request to this file; `-` is standard output
    #[arg(long, value_name = "FILE", help_heading = "Restrictions")]
    log: Option<PathBuf>,
    /// Certificate of this server (PEM); clients then write tls://
    #[arg(long, value_name = "FILE", requires = "tls_key", help_heading = "TLS")]
    tls_cert: Option<PathBuf>,
    /// Private key of that certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert", help_heading = "TLS")]
    tls_key: Option<PathBuf>,
    /// Answer only clients with a certificate of this authority (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert", help_heading = "TLS")]
    tls_client_ca: Option<PathBuf>,
}

/// Serves until it is told to end.
pub(crate) fn run(args: &KeyserviceArgs) -> Result<Status, Failure> {
    let allowed = Allowed::new(&kinds(&args.allow_kind)?, &args.allow_key);
    let tls = tls(args)?;
    let log = args.log.as_deref().map(Log::open).transpose()?;
    let (socket, listener) = Socket::listen(&args.network, &args.address)?;
    if tls.is_some() && socket.is_private() {
        return Err(Failure::new(
            Status::ConflictingParameters,
            "Error: a Unix socket does not speak TLS; use --network tcp for it",
        ));
    }
    if !socket.stays_here() && tls.as_ref().is_none_or(|tls| tls.client_authority.is_none()) {
        failure::warn(format_args!(
            "everybody who reaches {socket} can use the keys of this machine: it asks for no \
             certificates (--tls-client-ca)"
        ));
    }
    let services = KeyServices::of_this_machine();
    let door = Door::new(allowed, args.prompt, log);
    let server = KeyServer::new(services.providers(), door);
    failure::detail(format_args!("Listening on {socket}"));
    let served = serving::until_signalled(&services, server, listener, tls.as_ref());
    drop(socket);
    served.map(|()| Status::Success)
}

fn kinds(lists: &[String]) -> Result<Vec<KeyKind>, Failure> {
    let names = lists.iter().flat_map(|list| list.split(',')).map(str::trim);
    let read = |name: &str| {
        KeyKind::from_name(name).ok_or_else(|| {
            Failure::generic(format!("--allow-kind: {name:?} is no kind of key"))
                .hint("the kinds are age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms")
        })
    };
    names.filter(|name| !name.is_empty()).map(read).collect()
}

fn tls(args: &KeyserviceArgs) -> Result<Option<ServerTls>, Failure> {
    let (Some(certificate), Some(key)) = (&args.tls_cert, &args.tls_key) else { return Ok(None) };
    let client_authority = match &args.tls_client_ca {
        Some(path) => Some(input::whole(path)?.expose().to_vec()),
        None => None,
    };
    let certificate = input::whole(certificate)?.expose().to_vec();
    Ok(Some(ServerTls { certificate, key: input::whole(key)?, client_authority }))
}
