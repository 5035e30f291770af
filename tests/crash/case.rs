//! A command that replaces a file, and what the file holds before and after it.

use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustix::fs::{XattrFlags, getxattr, setxattr};
use rustix::io::Errno;
use sops_tests::canary::Canary;
use sops_tests::paths;
use sops_tests::run::{Outcome, Run};
use sops_tests::scratch::Scratch;

/// The private half of the recipient that all files here are encrypted for.
const KEY: &str = "data/vectors-keys/keys/age-x25519.txt";
/// A value of the file before and after; it is searched for where it must not be.
pub(crate) const KEPT: &str = "canary-kept-90f3c1d7";
/// The value that a command removes or replaces.
pub(crate) const OLD: &str = "canary-old-5b1e7a42";
/// The value that a command brings.
pub(crate) const NEW: &str = "canary-new-c86d20ef";
/// Another recipient, without its private half: the one `updatekeys` adds.
pub(crate) const SECOND: &str = "age1ypucxcsrnn30lwu25k2gv55d8nzjr0px7try0pys56mpkff744msg7zvcl";

/// The permissions of the file before.
const MODE: u32 = 0o640;
/// An attribute of the file, which is kept.
const ATTRIBUTE: &str = "user.sops-rs-test";
/// The folder with the file, below the scratch folder.
const REPOSITORY: &str = "repository";
/// The folder for temporary files, below the scratch folder.
pub(crate) const TEMPORARY: &str = "temporary";
/// The editor, a script that writes [`Case::after`].
const EDITOR: &str = "editor";

/// One command and its file.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// The name of the file; its format follows from it.
    pub(crate) file: &'static str,
    /// The command, its flags, its arguments; the file is put behind the flags, or behind `--file`.
    command: Vec<&'static str>,
    /// What it holds afterwards, in clear.
    after: String,
    /// Whether the file is encrypted before, and afterwards.
    sealed: (bool, bool),
    /// The bytes of the file before.
    old: Vec<u8>,
    /// What the command reads from standard input.
    input: String,
}

impl Case {
    /// A command on an encrypted file that stays encrypted. `{value}` of the template is the old
    /// value before, the new one afterwards.
    pub(crate) fn amends(file: &'static str, command: &[&'static str], template: &str) -> Self {
        let [before, after] = [OLD, NEW].map(|value| template.replace("{value}", value));
        Self::new(file, command, (before, after), (true, true))
    }

    /// A command after which the file holds another text.
    pub(crate) fn changes(file: &'static str, command: &[&'static str], texts: [&str; 2]) -> Self {
        let [before, after] = texts.map(str::to_owned);
        Self::new(file, command, (before, after), (true, true))
    }

    /// A command that leaves the text as it is; `sealed` says before and after.
    pub(crate) fn keeps(
        file: &'static str,
        command: &[&'static str],
        text: &str,
        sealed: (bool, bool),
    ) -> Self {
        Self::new(file, command, (text.into(), text.into()), sealed)
    }

    fn new(
        file: &'static str,
        command: &[&'static str],
        (before, after): (String, String),
        sealed: (bool, bool),
    ) -> Self {
        let command = command.to_vec();
        let old = before.into_bytes();
        let mut case = Self { file, command, after, sealed, old, input: String::new() };
        if sealed.0 {
            // Once, so that all runs start from the same bytes.
            let scratch = Scratch::new();
            case.prepare(&scratch);
            let arguments = ["encrypt", "--in-place", "--age", &recipient(), file];
            case.sops_rs(&scratch, &arguments).run().success();
            case.old = scratch.read(case.path());
        }
        case
    }

    /// The same command with this on standard input.
    pub(crate) fn reading(self, input: &str) -> Self {
        Self { input: input.to_owned(), ..self }
    }

    fn path(&self) -> std::path::PathBuf {
        Path::new(REPOSITORY).join(self.file)
    }

    /// Fills a folder and gives the command, ready to run there.
    pub(crate) fn prepare(&self, scratch: &Scratch) -> Run {
        scratch.write("keys.txt", key());
        scratch.write(Path::new(TEMPORARY).join(".keep"), "");
        let file = scratch.write(self.path(), &self.old);
        fs::set_permissions(&file, fs::Permissions::from_mode(MODE)).expect("mode can be set");
        // Not every file system has these; then there is nothing to keep.
        let _ = setxattr(&file, ATTRIBUTE, b"kept", XattrFlags::empty());
        let mut recipients = recipient();
        if self.is("updatekeys") {
            recipients = format!("{recipients},{SECOND}");
        }
        let config = format!("creation_rules:\n  - age: {recipients}\n");
        scratch.write(Path::new(REPOSITORY).join(".sops.yaml"), config);
        let script = format!("#!/bin/sh\ncat >\"$1\" <<'END'\n{}END\n", self.after);
        scratch.script(EDITOR, &script);
        let mut arguments = self.command.clone();
        let flags = arguments.iter().filter(|word| word.starts_with("--")).count();
        match arguments.last() {
            Some(&"--file") => arguments.push(self.file),
            _ => arguments.insert(1 + flags, self.file),
        }
        self.sops_rs(scratch, &arguments).input(self.input.as_str())
    }

    /// The program in the folder of the file, with the key, an editor, and nothing else.
    pub(crate) fn sops_rs(&self, scratch: &Scratch, arguments: &[&str]) -> Run {
        Run::sops_rs(arguments)
            .within(scratch.at(REPOSITORY))
            .env("SOPS_AGE_KEY_FILE", scratch.at("keys.txt"))
            .env("EDITOR", scratch.at(EDITOR))
            .env("TMPDIR", scratch.at(TEMPORARY))
    }

    /// Whether this is the command of this name.
    pub(crate) fn is(&self, command: &str) -> bool {
        self.command[0] == command
    }

    /// Fails unless the file is exactly as before or completely new. Tells whether it is new.
    #[track_caller]
    pub(crate) fn is_new(&self, scratch: &Scratch, at: &str) -> bool {
        let now = scratch.read(self.path());
        let is_new = now != self.old;
        let file = scratch.at(self.path());
        let mode = fs::metadata(&file).expect("it is there").permissions().mode() & 0o7777;
        // Others lose what they may do with the file when it gets plaintext.
        let expected = if is_new && !self.sealed.1 { MODE & 0o700 } else { MODE };
        assert_eq!(mode, expected, "{at}: mode {mode:o}");
        self.demand_attribute(&file, at);
        if !is_new {
            return false;
        }
        if !self.sealed.1 {
            assert_eq!(String::from_utf8_lossy(&now), self.after, "{at}");
            return true;
        }
        let opened = self.sops_rs(scratch, &["decrypt", self.file]).run();
        assert!(opened.status.success(), "{at}: the new file does not open: {opened}");
        assert_eq!(opened.out(), self.after, "{at}");
        let text = String::from_utf8_lossy(&now).into_owned();
        let adds = self.is("updatekeys") || self.command.iter().any(|word| word.contains(SECOND));
        assert!(!adds || text.contains(SECOND), "{at}: no key was added");
        true
    }

    /// Fails unless the file has the attribute, where there are any.
    #[track_caller]
    fn demand_attribute(&self, file: &Path, at: &str) {
        let mut value = [0; 16];
        match getxattr(file, ATTRIBUTE, &mut value[..]) {
            Ok(length) => assert_eq!(&value[..length], b"kept", "{at}"),
            Err(Errno::NODATA) => panic!("{at}: the attribute of the file is lost"),
            Err(_) => {}
        }
    }

    /// Fails if a value lies in clear in a file that is there for something else. The file itself
    /// may hold them where it is not encrypted.
    #[track_caller]
    pub(crate) fn no_plaintext(&self, scratch: &Scratch, is_new: bool) {
        let may = match if is_new { self.sealed.1 } else { self.sealed.0 } {
            true => vec![EDITOR.to_owned()],
            false => vec![EDITOR.to_owned(), self.path().display().to_string()],
        };
        let may: Vec<&str> = may.iter().map(String::as_str).collect();
        for canary in canaries() {
            canary.assert_not_below(scratch.path(), &may);
        }
    }

    /// Names in the folder of the file that were not there in the beginning.
    pub(crate) fn strays(&self, scratch: &Scratch) -> Vec<String> {
        let known = [self.path(), Path::new(REPOSITORY).join(".sops.yaml")];
        let in_repository = scratch.files().into_iter().filter(|name| name.starts_with(REPOSITORY));
        let stray = in_repository.filter(|name| !known.contains(name));
        let names = stray.map(|name| name.file_name().expect("a file has a name").to_owned());
        names.map(|name| name.to_string_lossy().into_owned()).collect()
    }

    /// The permissions of a file in the folder of the file.
    pub(crate) fn mode(&self, scratch: &Scratch, name: &str) -> u32 {
        let data = fs::metadata(scratch.at(REPOSITORY).join(name)).expect("it is there");
        data.permissions().mode() & 0o7777
    }

    /// The next command that somebody runs on the file, with this folder in memory.
    pub(crate) fn later(&self, scratch: &Scratch, is_new: bool, memory: &Path) -> Outcome {
        let sealed = if is_new { self.sealed.1 } else { self.sealed.0 };
        let command = if sealed { "rotate" } else { "encrypt" };
        let run = self.sops_rs(scratch, &[command, "--in-place", self.file]);
        run.env("XDG_RUNTIME_DIR", memory).run()
    }

    /// Fails unless this file of the folder opens to the text afterwards.
    #[track_caller]
    pub(crate) fn opens_as_new(&self, scratch: &Scratch, file: &str) {
        let opened = self.sops_rs(scratch, &["decrypt", file]).run().success();
        assert_eq!(opened.out(), self.after, "{file}");
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.command.join(" "), self.file)
    }
}

fn key() -> String {
    std::fs::read_to_string(paths::in_tests(KEY)).expect("the test key can be read")
}

fn recipient() -> String {
    let key = key();
    let line = key.lines().find_map(|line| line.strip_prefix("# public key: "));
    line.expect("the test key names its recipient").to_owned()
}

/// The values to search for.
pub(crate) fn canaries() -> [Canary; 3] {
    [KEPT, OLD, NEW].map(Canary::new)
}
