//! `exec-env`: a command with the values of a file among its variables.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
};

use clap::Args;
use sops_core::{
    crypto::SecretBytes,
    format::{self, EmitOptions, Format},
    tree::{Mapping, Node},
};

use super::exec::ChildFlags;
use crate::{
    args::{GlobalFlags, files::DocumentFlag, keys::ServiceFlags},
    auditing::Trail,
    failure::{Failure, reading},
    files::{
        child::Child,
        exits,
        input::{Source, demand_there},
    },
    key_services::KeyServices,
    opening::{self, Mac},
    request,
    status::Status,
};

/// Run a command with the values of a file as its environment variables
///
/// Decrypts a file and runs a command with its values as variables. The file has one level: a list
/// or a mapping cannot be a variable. Nothing is written anywhere.
///
/// COMMAND is one word for the shell. With -- a program and its arguments follow, and no shell
/// runs. The command gets the streams of this program and its signals, and its exit status is
/// this program's. It does not get SOPS_AGE_KEY.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sops-rs exec-env secret.env 'echo $DB_HOST'
  sops-rs exec-env secret.yaml -- psql --no-password app
  sops-rs exec-env --pristine secret.json '/usr/bin/env'     these variables and no others")]
pub(crate) struct ExecEnvArgs {
    /// FILE, then COMMAND for the shell, or -- PROGRAM ARGUMENTS
    #[arg(value_name = "FILE COMMAND", num_args = 0..)]
    words: Vec<OsString>,
    /// Let the command have no other variables
    #[arg(long)]
    pristine: bool,
    /// Become the command, instead of waiting for it
    #[arg(long)]
    same_process: bool,
    #[command(flatten)]
    child: ChildFlags,
    /// Go on when the MAC does not match, with what cannot be trusted
    #[arg(long)]
    ignore_mac: bool,
    #[command(flatten)]
    document: DocumentFlag,
    /// Format of the file
    #[arg(long, value_name = "FORMAT")]
    input_type: Option<String>,
    #[command(flatten)]
    services: ServiceFlags,
}

/// Runs the command.
pub(crate) fn run(
    args: &ExecEnvArgs,
    _global: &GlobalFlags,
    trail: &Trail,
) -> Result<Status, Failure> {
    let (file, line) = args.child.split(&args.words)?;
    args.child.warn("exec-env");
    if args.same_process && args.child.background {
        let problem = "Error: The --same-process flag cannot be used with --background";
        return Err(Failure::new(Status::ConflictingParameters, problem));
    }
    let user = args.child.user()?;
    let with_key = args.child.with_key()?;
    let path = Path::new(file);
    let format = request::format("--input-type", args.input_type.as_deref(), Some(path))?;
    let services = KeyServices::new(&args.services)?;
    demand_there(path)?;
    let bytes = Source::File(path.to_owned()).read()?;
    let sealed = opening::read(format, &bytes)?;
    let mac = Mac::unless(args.ignore_mac, Some(path));
    let track = trail.on(Some(path));
    let document = opening::open(sealed, &services, false, mac, &track)?.document;
    let documents = &document.tree.documents;
    let number = args.document.choose(documents.len())?;

    let mut child = Child::new(line, args.pristine, with_key, user.as_ref());
    for (name, value) in variables(documents.get(number))? {
        child.set(name, &os_string(&value));
    }
    if let Some(user) = &user {
        user.become_it()?;
    }
    #[cfg(unix)]
    if args.same_process {
        return Err(child.replace());
    }
    #[cfg(not(unix))]
    if args.same_process {
        return Err(Failure::generic("--same-process does not work on this system"));
    }
    if args.child.background {
        return child.start(None);
    }
    exits::pass_on()?;
    child.run(None)
}

/// The values of a document as variables. What cannot be one is named, never its value.
fn variables(root: Option<&Mapping>) -> Result<Vec<(&str, SecretBytes)>, Failure> {
    let refused = |what: &str, key: &str| Failure::generic(format!("{what}{key}")).at_path(key);
    let pairs = root.into_iter().flat_map(Mapping::pairs);
    pairs
        .map(|pair| {
            let key = pair.key.as_str();
            let Node::Leaf(_) = &pair.value else {
                let what = "cannot use complex value in environment; offending key ";
                return Err(refused(what, key)
                    .hint("decrypt --extract gives one value; exec-file gives all as a file"));
            };
            if key.contains('=') {
                return Err(refused("cannot use keys with '=' in environment: ", key));
            }
            if key.is_empty() || key.contains('\0') {
                return Err(Failure::generic(
                    "cannot use an empty key, or one with a NUL byte, in environment",
                ));
            }
            // As text stands in formats that have nothing but text: null is nothing.
            let value =
                format::emit_node(Format::Dotenv, &pair.value, &EmitOptions { indent: None })
                    .map_err(|error| reading::dump(&error))?;
            if value.expose().contains(&0) {
                let what = "cannot use a value with a NUL byte in environment; offending key ";
                return Err(refused(what, key));
            }
            Ok((key, value))
        })
        .collect()
}

fn os_string(value: &SecretBytes) -> OsString {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt as _;
        OsStr::from_bytes(value.expose()).to_owned()
    }
    #[cfg(not(unix))]
    {
        OsString::from(OsStr::new(&*String::from_utf8_lossy(value.expose())))
    }
}

#[cfg(test)]
mod tests {
    use sops_core::tree::{List, Value};

    use super::*;

    fn told(key: &str, node: impl Into<Node>) -> Result<String, String> {
        let mut mapping = Mapping::default();
        mapping.push(key, node);
        match variables(Some(&mapping)) {
            Ok(found) => Ok(found[0].1.expose_str().unwrap().to_owned()),
            Err(failure) => Err(failure.message().to_owned()),
        }
    }

    #[test]
    fn values_are_written_as_sops_writes_them() {
        // transcript 08
        assert_eq!(told("a", "x\ny\n"), Ok("x\ny\n".to_owned()));
        assert_eq!(told("a", Value::Float(2.0)), Ok("2.0".to_owned()));
        assert_eq!(told("a", Value::Float(1e21)), Ok("1E+21".to_owned()));
        assert_eq!(told("a", Value::Bool(true)), Ok("true".to_owned()));
        assert_eq!(told("a", Value::Null), Ok(String::new()));
    }

    #[test]
    fn what_is_no_variable_is_named_without_its_value() {
        let complex = "cannot use complex value in environment; offending key a".to_owned();
        assert_eq!(told("a", List::default()), Err(complex.clone()));
        assert_eq!(told("a", Mapping::default()), Err(complex));
        let equals = "cannot use keys with '=' in environment: a=b".to_owned();
        assert_eq!(told("a=b", "x"), Err(equals));
        assert!(told("a", "secret\0").unwrap_err().ends_with("offending key a"));
    }
}
