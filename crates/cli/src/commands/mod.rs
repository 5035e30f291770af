//! One command per file: its help, its flags, its request, and a dozen lines of work.

pub(crate) mod audit;
pub(crate) mod completion;
pub(crate) mod decrypt;
pub(crate) mod diff;
pub(crate) mod edit;
pub(crate) mod encrypt;
mod exec;
pub(crate) mod exec_env;
pub(crate) mod exec_file;
pub(crate) mod filestatus;
pub(crate) mod generate;
pub(crate) mod groups;
#[cfg(feature = "keyservice")]
pub(crate) mod keyservice;
pub(crate) mod man;
pub(crate) mod paths;
#[cfg(feature = "publish")]
pub(crate) mod publish;
pub(crate) mod rotate;
pub(crate) mod seal;
pub(crate) mod set;
pub(crate) mod unset;
pub(crate) mod updatekeys;

use crate::{
    args::{Command, GlobalFlags},
    auditing::Trail,
    failure::{self, Failure},
    status::Status,
};

/// Runs a command.
pub(crate) fn run(command: Command, global: &GlobalFlags) -> Result<Status, Failure> {
    let trail = Trail::of(name(&command));
    let outcome = match command {
        Command::Encrypt(args) => encrypt::run(&args, global, &trail),
        Command::Seal(args) => seal::run(&args, global, &trail),
        Command::Decrypt(args) => decrypt::run(&args, global, &trail),
        Command::Edit(args) => edit::run(&args, global, &trail),
        Command::Set(args) => set::run(&args, global, &trail),
        Command::Unset(args) => unset::run(&args, global, &trail),
        Command::Rotate(args) => rotate::run(&args, global, &trail),
        Command::Updatekeys(args) => updatekeys::run(&args, global),
        Command::Groups(args) => groups::run(&args, global),
        Command::ExecEnv(args) => exec_env::run(&args, global, &trail),
        Command::ExecFile(args) => exec_file::run(&args, global, &trail),
        Command::Filestatus(args) => filestatus::run(&args, global),
        Command::Diff(args) => diff::run(&args, global, &trail),
        #[cfg(feature = "publish")]
        Command::Publish(args) => publish::run(&args, global, &trail),
        #[cfg(feature = "keyservice")]
        Command::Keyservice(args) => keyservice::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Completion(args) => completion::run(&args),
        Command::Man(args) => man::run(&args),
        Command::Generate(args) => generate::run(&args),
        Command::Paths(args) => paths::run(&args),
    };
    trail.conclude(&outcome);
    outcome
}

/// What records call a command.
fn name(command: &Command) -> &'static str {
    match command {
        Command::Encrypt(_) => "encrypt",
        Command::Seal(_) => "seal",
        Command::Decrypt(_) => "decrypt",
        Command::Edit(_) => "edit",
        Command::Set(_) => "set",
        Command::Unset(_) => "unset",
        Command::Rotate(_) => "rotate",
        Command::ExecEnv(_) => "exec-env",
        Command::ExecFile(_) => "exec-file",
        Command::Diff(_) => "diff",
        #[cfg(feature = "publish")]
        Command::Publish(_) => "publish",
        // The others leave no record.
        _ => "",
    }
}

/// Says that words were left over; as in SOPS, the first one counts.
fn warn_of_extra<T>(extra: &[T]) {
    if !extra.is_empty() {
        failure::warn(
            "More than one positional argument provided. Only the first one will be used!",
        );
    }
}

/// No file was named.
fn no_file() -> Failure {
    Failure::new(Status::NoFileSpecified, "Error: no file specified")
}
