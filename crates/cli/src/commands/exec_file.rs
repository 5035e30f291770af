//! `exec-file`: a command with a decrypted file that is gone afterwards.

use std::{
    ffi::{OsStr, OsString},
    path::{Component, Path, PathBuf},
};

use clap::Args;
use sops_core::crypto::SecretBytes;

use super::exec::ChildFlags;
use crate::{
    args::{
        GlobalFlags,
        files::{DocumentFlag, TypeFlags},
        keys::ServiceFlags,
    },
    auditing::Trail,
    config_file,
    failure::{Failure, os_words},
    files::{
        child::Child,
        exits,
        input::{Source, demand_there},
        private_folder::{self, PrivateFolder, Use},
    },
    key_services::KeyServices,
    opening::{self, Mac},
    request::{self, Formats},
    status::Status,
};

/// Run a command with a decrypted file that is gone afterwards
///
/// Decrypts a file and runs a command with the path of the plaintext in the place of {}. The path
/// is a named pipe in a folder that only you can enter: whoever opens it reads the text once from
/// beginning to end, one after the other as often as it is opened. With --no-fifo, and in memory
/// also where {} stands more than once, it is a regular file.
///
/// COMMAND is one word for the shell. With -- a program and its arguments follow, and no shell
/// runs. The command gets the streams of this program and its signals, and its exit status is
/// this program's. It does not get SOPS_AGE_KEY.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sops-rs exec-file secret.json 'jq .db {}'
  sops-rs exec-file --no-fifo --filename kubeconfig secret.yaml -- kubectl --kubeconfig {} get pods
  sops-rs exec-file --output-type dotenv secret.yaml 'docker run --env-file {} app'")]
pub(crate) struct ExecFileArgs {
    /// FILE, then COMMAND for the shell, or -- PROGRAM ARGUMENTS; {} is the path of the plaintext
    #[arg(value_name = "FILE COMMAND", num_args = 0..)]
    words: Vec<OsString>,
    /// Make a regular file, for programs that cannot read a pipe
    #[arg(long)]
    no_fifo: bool,
    /// The name of the file that the command sees
    #[arg(long, value_name = "NAME")]
    filename: Option<PathBuf>,
    #[command(flatten)]
    child: ChildFlags,
    /// Go on when the MAC does not match, with what cannot be trusted
    #[arg(long)]
    ignore_mac: bool,
    #[command(flatten)]
    document: DocumentFlag,
    #[command(flatten)]
    types: TypeFlags,
    #[command(flatten)]
    services: ServiceFlags,
}

/// Runs the command.
pub(crate) fn run(
    args: &ExecFileArgs,
    global: &GlobalFlags,
    trail: &Trail,
) -> Result<Status, Failure> {
    let (file, line) = args.child.split(&args.words)?;
    args.child.warn("exec-file");
    let name = name(args.filename.as_deref())?;
    let user = args.child.user()?;
    let with_key = args.child.with_key()?;
    let path = Path::new(file);
    let formats = Formats::of(&args.types, Some(path))?;
    let services = KeyServices::new(&args.services)?;
    let config = config_file::find_settings(global)?;
    let layout = request::layout(formats.output, global, config.as_ref())?;
    demand_there(path)?;
    let bytes = Source::File(path.to_owned()).read()?;
    let sealed = opening::read(formats.input, &bytes)?;
    let mac = Mac::unless(args.ignore_mac, Some(path));
    let track = trail.on(Some(path));
    let document = opening::open(sealed, &services, false, mac, &track)?.document;
    let text = super::decrypt::whole(&document, args.document, false, global, formats, &layout)?;

    if let Some(user) = &user {
        user.become_it()?;
    }
    // A command that names the path twice may open it twice at once, and both would share what is
    // in the pipe. In the background nobody would be there to write into one.
    let at_once = line.places() > 1 && private_folder::has_memory();
    let pipe = PIPES && !args.no_fifo && !args.child.background && !at_once;
    if !args.child.background {
        exits::pass_on()?;
    }
    let folder = PrivateFolder::create(if pipe { Use::Pipes } else { Use::Plaintext })?;
    let place = put(&folder, name, text, pipe).map_err(|error| {
        let place = folder.path().join(name);
        Failure::generic(format!("open {}: {}", place.display(), os_words(&error)))
            .hint("--filename takes a name, without folders")
    })?;
    let child = Child::new(line.with(place.as_os_str()), false, with_key, user.as_ref());
    if args.child.background { child.start(Some(folder)) } else { child.run(Some(folder)) }
}

/// Whether this system has named pipes that are made here.
const PIPES: bool = cfg!(all(unix, not(target_vendor = "apple")));

/// Puts the text where the command finds it.
fn put(
    folder: &PrivateFolder,
    name: &OsStr,
    text: SecretBytes,
    pipe: bool,
) -> std::io::Result<PathBuf> {
    #[cfg(all(unix, not(target_vendor = "apple")))]
    if pipe {
        return crate::files::pipe::serve(folder, name, text);
    }
    #[cfg(not(all(unix, not(target_vendor = "apple"))))]
    let _ = pipe;
    folder.write(name, text.expose())
}

/// The name of the file in the folder. It does not lead out of it.
fn name(given: Option<&Path>) -> Result<&OsStr, Failure> {
    let Some(given) = given.filter(|given| !given.as_os_str().is_empty()) else {
        return Ok(OsStr::new("tmp-file"));
    };
    let mut depth = 0_i32;
    for part in given.components() {
        depth += match part {
            Component::Normal(_) => 1,
            Component::CurDir => 0,
            Component::ParentDir => -1,
            Component::RootDir | Component::Prefix(_) => i32::MIN / 2,
        };
        if depth < 0 {
            return Err(Failure::generic("The provided filename is not a local path."));
        }
    }
    Ok(given.as_os_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_lead_out_of_the_folder() {
        assert_eq!(name(None).unwrap(), "tmp-file");
        assert_eq!(name(Some(Path::new("c.yaml"))).unwrap(), "c.yaml");
        for out in ["../x", "/x", "a/../../x", "./.."] {
            let failure = name(Some(Path::new(out))).unwrap_err();
            assert_eq!(failure.message(), "The provided filename is not a local path.", "{out}");
        }
    }
}
