//! `groups`: key groups of a file, added and removed.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use sops_core::keys::{KeyGroup, KeyKind, MasterKey};

use crate::{
    args::{GlobalFlags, files::OutputFlags, keys::ServiceFlags},
    failure::{self, Failure, deciding},
    files::{
        delivery::Input,
        input::{Source, demand_there},
        replace::Content,
    },
    key_services::KeyServices,
    opening, rekeying,
    request::{self, creation},
    status::Status,
};

/// Add a key group to a file, or delete one
///
/// Master keys of a file can stand in groups. The data key is shared among them, and a file opens
/// when one key in each of as many groups as the threshold says is there.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sops-rs groups add -i --file secret.yaml --age age1… --shamir-secret-sharing-threshold 2
  sops-rs groups delete -i --file secret.yaml 1
  sops-rs filestatus --json secret.yaml | jq .groups          what groups there are")]
pub(crate) struct GroupsArgs {
    #[command(subcommand)]
    command: GroupsCommand,
}

#[derive(Subcommand, Debug)]
enum GroupsCommand {
    Add(Box<AddArgs>),
    Delete(DeleteArgs),
}

/// The file, and where the result goes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "The file")]
struct FileFlags {
    /// The file
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Replace the file itself, instead of printing the result
    #[arg(short, long)]
    in_place: bool,
    /// Format of the file
    #[arg(long, value_name = "FORMAT")]
    input_type: Option<String>,
    /// How many groups are needed to decrypt (what the file says, unless given)
    #[arg(long, value_name = "N", value_parser = crate::args::integer)]
    shamir_secret_sharing_threshold: Option<i64>,
}

/// Add a key group to a file
///
/// Adds a group of master keys to a file, as the last one. Every key has to wrap its share of the
/// data key; if one cannot, nothing is written. Values and MAC stay.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sops-rs groups add -i --file secret.yaml --age age1…,age1…
  sops-rs groups add --file secret.yaml --kms arn:aws:kms:… --age age1… > more.yaml")]
struct AddArgs {
    #[arg(hide = true)]
    extra: Vec<String>,
    #[command(flatten)]
    file: FileFlags,
    #[command(flatten)]
    keys: GroupKeyFlags,
    #[command(flatten)]
    services: ServiceFlags,
}

/// The keys of the new group. Each flag may be repeated, and takes lists.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Master keys of the group (each may be repeated)")]
struct GroupKeyFlags {
    /// age recipients
    #[arg(long, value_name = "RECIPIENTS")]
    age: Vec<String>,
    /// AWS KMS key or alias ARNs; ARN+ROLE_ARN assumes a role
    #[arg(long, value_name = "ARNS")]
    kms: Vec<String>,
    /// AWS profile that is stored with the AWS KMS keys
    #[arg(long, value_name = "NAME")]
    aws_profile: Option<String>,
    /// Encryption context of AWS KMS keys: key:value pairs, separated by commas
    #[arg(long, value_name = "PAIRS")]
    encryption_context: Option<String>,
    /// OpenPGP fingerprints
    #[arg(long, value_name = "FINGERPRINTS")]
    pgp: Vec<String>,
    /// Google Cloud KMS resource ids
    #[arg(long, value_name = "IDS")]
    gcp_kms: Vec<String>,
    /// Azure Key Vault key URLs
    #[arg(long, value_name = "URLS")]
    azure_kv: Vec<String>,
    /// HashiCorp Vault transit key URIs
    #[arg(long, value_name = "URIS")]
    hc_vault_transit: Vec<String>,
    /// HuaweiCloud KMS keys (region:uuid)
    #[arg(long, value_name = "IDS")]
    hckms: Vec<String>,
}

/// Delete a key group from a file
///
/// Deletes a group of master keys from a file, by its position: the first is 0. Values and MAC stay,
/// and so does the data key, which holders of the group may have kept: `rotate` afterwards.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sops-rs groups delete -i --file secret.yaml 1
  sops-rs groups delete -i --shamir-secret-sharing-threshold 1 --file secret.yaml 0")]
struct DeleteArgs {
    /// The position of the group, from 0
    #[arg(value_name = "INDEX")]
    words: Vec<String>,
    #[command(flatten)]
    file: FileFlags,
    #[command(flatten)]
    services: ServiceFlags,
}

/// Adds or deletes.
pub(crate) fn run(args: &GroupsArgs, global: &GlobalFlags) -> Result<Status, Failure> {
    match &args.command {
        GroupsCommand::Add(args) => add(args, global),
        GroupsCommand::Delete(args) => delete(args, global),
    }
}

fn add(args: &AddArgs, global: &GlobalFlags) -> Result<Status, Failure> {
    if !args.extra.is_empty() {
        return Err(Failure::generic("error: no positional arguments allowed")
            .hint("the file is named by --file"));
    }
    let keys = args.keys.read()?;
    let (file, services) = (&args.file, &args.services);
    let change = Change { deletes: false, file, services, global };
    change.run(|groups| {
        if keys.is_empty() {
            return Err(Failure::generic("error: the new group has no key").hint(
                "name at least one: --age, --kms, --pgp, …; with an empty group nobody could \
                 open the file",
            ));
        }
        let mut wanted: Vec<Vec<MasterKey>> = groups.iter().map(KeyGroup::master_keys).collect();
        wanted.push(keys);
        Ok(wanted)
    })
}

fn delete(args: &DeleteArgs, global: &GlobalFlags) -> Result<Status, Failure> {
    let [index] = args.words.as_slice() else {
        return Err(Failure::generic("error: exactly one positional argument (index) required"));
    };
    let number: usize = index.parse().map_err(|_| {
        Failure::generic(format!(
            "failed to parse [index] argument: strconv.ParseUint: parsing {index:?}: invalid syntax"
        ))
        .hint("it is the position of the group, from 0")
    })?;
    let (file, services) = (&args.file, &args.services);
    let change = Change { deletes: true, file, services, global };
    change.run(|groups| {
        let mut wanted: Vec<Vec<MasterKey>> = groups.iter().map(KeyGroup::master_keys).collect();
        if number >= wanted.len() {
            let there = match wanted.len() {
                1 => "there is one".to_owned(),
                count => format!("there are {count}"),
            };
            let last = wanted.len().saturating_sub(1);
            return Err(Failure::generic(format!("there is no key group {number}: {there}"))
                .hint(format!("positions begin with 0, so the last one is {last}")));
        }
        wanted.remove(number);
        if wanted.is_empty() {
            return Err(Failure::generic(
                "removing the only key group would leave a file that nobody can open",
            )
            .hint("to end the encryption of a file, use `decrypt --in-place`"));
        }
        Ok(wanted)
    })?;
    failure::note(
        "Whoever held a key of the group may have kept the data key; `sops-rs rotate -i` gives the \
         file a new one.",
    );
    Ok(Status::Success)
}

impl GroupKeyFlags {
    /// The keys, each once. One that cannot be read stops: SOPS leaves it out.
    fn read(&self) -> Result<Vec<MasterKey>, Failure> {
        let context = match creation::context(self.encryption_context.as_deref()) {
            Ok(context) => context,
            Err(failure) if !self.kms.is_empty() => return Err(failure),
            Err(_) => {
                failure::warn(
                    "Encryption context contains a non-string value, context will not be used",
                );
                Default::default()
            }
        };
        let profile = self.aws_profile.clone().filter(|profile| !profile.is_empty());
        let mut keys: Vec<MasterKey> = Vec::new();
        for (kind, lists) in [
            (KeyKind::Pgp, &self.pgp),
            (KeyKind::AwsKms, &self.kms),
            (KeyKind::GcpKms, &self.gcp_kms),
            (KeyKind::HuaweiKms, &self.hckms),
            (KeyKind::AzureKv, &self.azure_kv),
            (KeyKind::HcVault, &self.hc_vault_transit),
            (KeyKind::Age, &self.age),
        ] {
            for list in lists {
                let read = MasterKey::parse_list(kind, list);
                for mut key in read.map_err(|error| deciding::key(&error))? {
                    if let MasterKey::AwsKms(key) = &mut key {
                        key.context.clone_from(&context);
                        key.profile.clone_from(&profile);
                    }
                    if !keys.iter().any(|known| known.is_same(&key)) {
                        keys.push(key);
                    }
                }
            }
        }
        Ok(keys)
    }
}

/// A change of the groups of one file.
struct Change<'a> {
    deletes: bool,
    file: &'a FileFlags,
    services: &'a ServiceFlags,
    global: &'a GlobalFlags,
}

impl Change<'_> {
    fn run(
        &self,
        change: impl FnOnce(&[KeyGroup]) -> Result<Vec<Vec<MasterKey>>, Failure>,
    ) -> Result<Status, Failure> {
        let path = self.file.file.as_deref().filter(|path| !path.as_os_str().is_empty());
        let path = path.ok_or_else(|| {
            let problem = "Error reading file: open : no such file or directory";
            Failure::new(Status::CouldNotReadInput, problem).hint("name the file: --file FILE")
        })?;
        let format = request::format("--input-type", self.file.input_type.as_deref(), Some(path))?;
        let services = KeyServices::new(self.services)?;
        demand_there(path)?;
        let input = Input::read(&Source::File(path.to_owned()), self.file.in_place)?;
        let sealed = opening::read(format, input.bytes())?;
        let metadata = &sealed.metadata;
        let wanted = change(&metadata.groups)?;
        let stored = metadata.shamir_threshold;
        let threshold = self.threshold(stored, wanted.len())?;
        let data_key = services.recover_telling(metadata, |error, tried| {
            failure::keys::recover_for_groups(error, tried, stored)
        })?;
        let text =
            rekeying::with_keys(&sealed, &data_key, &wanted, threshold, &services, self.global)?;
        let output = OutputFlags { in_place: self.file.in_place, ..OutputFlags::default() };
        input.deliver(&output, &text, Content::Sealed)?;
        Ok(Status::Success)
    }

    /// How many groups shall be needed: what the flag says, else what the file says. Zero is all.
    fn threshold(&self, stored: u32, groups: usize) -> Result<u32, Failure> {
        let given = self.file.shamir_secret_sharing_threshold.filter(|number| *number != 0);
        let threshold = match given {
            Some(number) => u32::try_from(number).map_err(|_| {
                Failure::usage(format_args!(
                    "invalid value \"{number}\" for flag -shamir-secret-sharing-threshold: parse \
                     error"
                ))
            })?,
            // A file of one group may say 1; sharing begins with two.
            None if stored == 1 && groups > 1 => 0,
            None => stored,
        };
        if threshold as usize > groups {
            let what = if self.deletes { "removing this key group" } else { "this" };
            return Err(Failure::generic(format!(
                "{what} will make the Shamir threshold impossible to satisfy: Shamir threshold is \
                 {threshold}, but we only have {groups} key groups"
            ))
            .hint("--shamir-secret-sharing-threshold N gives another one"));
        }
        Ok(threshold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags() -> GroupKeyFlags {
        GroupKeyFlags {
            age: Vec::new(),
            kms: Vec::new(),
            aws_profile: None,
            encryption_context: None,
            pgp: Vec::new(),
            gcp_kms: Vec::new(),
            azure_kv: Vec::new(),
            hc_vault_transit: Vec::new(),
            hckms: Vec::new(),
        }
    }

    #[test]
    fn keys_come_in_lists_and_repeated_and_count_once() {
        let one = "0000000000000000000000000000000000000001";
        let two = "0000000000000000000000000000000000000002";
        let flags = GroupKeyFlags { pgp: vec![format!("{one},{two}"), one.into()], ..flags() };
        assert_eq!(flags.read().unwrap().len(), 2);
    }

    #[test]
    fn a_key_that_cannot_be_read_stops() {
        let flags = GroupKeyFlags { age: vec!["junk".into()], ..flags() };
        let problem = "failed to parse input, unknown recipient type: \"junk\"";
        assert_eq!(flags.read().unwrap_err().message(), problem);
    }
}
