//! The files that each case finds in its folder: plain ones, and what the Go program made of them.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use sops_tests::paths;
use sops_tests::run::{self, Run};
use sops_tests::scratch::{Scratch, files_below};

use super::table::Case;

pub(crate) const R1: &str = "age1ypucxcsrnn30lwu25k2gv55d8nzjr0px7try0pys56mpkff744msg7zvcl";
pub(crate) const R2: &str = "age1qtcp7x5u5npvg68v4gy58f5x2kke0syt9vkjn4e2jmwcwrcas9cq6supw5";
/// One of whom nobody here has the identity.
pub(crate) const R3: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

const YAML: &str = "db:\n    user: admin\n    password: s3cr3t\nport: 5432\nratio: 2.5\ntls: true\n\
                    hosts:\n    - one\n    - two\nnote_unencrypted: clear\nempty: \"\"\n";
const JSON: &str = "{\n\t\"db\": {\n\t\t\"user\": \"admin\",\n\t\t\"password\": \"s3cr3t\"\n\t},\n\
                    \t\"port\": 5432,\n\t\"hosts\": [\n\t\t\"one\",\n\t\t\"two\"\n\t]\n}";
const DOTENV: &str = "USER=admin\nPASSWORD=s3cr3t\nPORT=5432\n";
const INI: &str = "[db]\nuser     = admin\npassword = s3cr3t\n\n[web]\nport = 80\n";
const BINARY: &str = "just some text\nwithout a format\n";
/// One level, for variables.
const FLAT: &str = "user: admin\nport: 5432\nratio: 2.0\nbig: 1e21\ntls: true\nwhen: 2024-01-02\n\
                    empty: \"\"\nmulti: |\n    a\n    b\n";

/// Editors: what they are called, and what they do to `$1`.
const EDITORS: [(&str, &str); 6] = [
    ("ed-port", "sed -i 's/5432/5433/' \"$1\""),
    ("ed-none", "true"),
    ("ed-fail", "exit 3"),
    ("ed-json", "printf '{\"a\": 1}' > \"$1\""),
    ("ed-new", "printf 'a: new\\n' > \"$1\""),
    ("ed-name", "basename \"$1\" >> seen; stat -c %a \"$1\" >> seen"),
];

/// Both programs, and the files of all cases.
pub(crate) struct Fixtures {
    folder: Scratch,
    go: PathBuf,
    ours: PathBuf,
}

/// Which program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    Go,
    Ours,
}

impl Fixtures {
    /// Lets the Go program encrypt the plain files.
    pub(crate) fn make(go: &Path) -> Self {
        let folder = Scratch::new();
        let made = Self { folder, go: go.to_owned(), ours: run::sops_rs_binary() };
        let plain = [
            ("p.yaml", "s.yaml", YAML),
            ("p.json", "s.json", JSON),
            ("p.env", "s.env", DOTENV),
            ("p.ini", "s.ini", INI),
            ("p.bin", "s.bin", BINARY),
            ("flat.yaml", "e.yaml", FLAT),
            ("docs.yaml", "m.yaml", "a: 1\n---\nb: 2\n"),
            ("numbers.json", "j.json", "{\"f\": 1.0, \"i\": 1, \"h\": 1e30, \"s\": 1e-9}"),
        ];
        for (name, sealed, text) in plain {
            made.folder.write(format!("files/{name}"), text);
            made.seal(&["encrypt", "--age", R1], name, sealed);
        }
        let groups = format!(
            "creation_rules:\n  - shamir_threshold: 2\n    key_groups:\n      - age: [{R1}]\n      \
             - age: [{R2}]\n      - age: [{R3}]\n"
        );
        made.folder.write("groups.yaml", groups);
        let config = made.folder.at("groups.yaml").display().to_string();
        made.seal(&["--config", &config, "encrypt"], "p.yaml", "g.yaml");
        made.seal(&["encrypt", "--age", &format!("{R1},{R2}")], "p.yaml", "two.yaml");
        made.seal(&["encrypt", "--age", R3], "p.yaml", "foreign.yaml");
        let text = made.folder.text("files/s.yaml");
        made.folder.write(
            "files/bad.yaml",
            text.replace("note_unencrypted: clear", "note_unencrypted: other"),
        );
        let (start, end) = {
            let start = text.find("password: ENC[").unwrap() + "password: ".len();
            (start, start + text[start..].find('\n').unwrap())
        };
        made.folder.write("files/torn.yaml", format!("{}x{}", &text[..start], &text[end..]));
        for key in ["key1.txt", "key2.txt", "keys.txt"] {
            let text = fs::read(paths::in_tests("cli").join(key)).unwrap();
            made.folder.write(format!("files/{key}"), text);
        }
        for (name, does) in EDITORS {
            made.folder.write(format!("files/{name}"), format!("#!/bin/sh\n{does}\n"));
        }
        made
    }

    fn seal(&self, words: &[&str], name: &str, sealed: &str) {
        let words = words.iter().copied().chain([name]);
        let run = Run::peer(&self.go, words).within(self.folder.at("files"));
        let text = run.run().success().stdout;
        self.folder.write(format!("files/{sealed}"), text);
    }

    pub(crate) fn program(&self, tool: Tool) -> &Path {
        match tool {
            Tool::Go => &self.go,
            Tool::Ours => &self.ours,
        }
    }

    /// A folder for one run, with the program under the name `sops`.
    pub(crate) fn stage(&self, case: &Case, tool: Tool) -> Scratch {
        let scratch = Scratch::new();
        for path in files_below(&self.folder.at("files")) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let copy = scratch.write(format!("work/{name}"), fs::read(&path).unwrap());
            if name.starts_with("ed-") {
                fs::set_permissions(copy, fs::Permissions::from_mode(0o755)).unwrap();
            }
        }
        for (name, text) in &case.files {
            let text = text.replace("$R1", R1).replace("$R2", R2).replace("$R3", R3);
            scratch.write(format!("work/{name}"), text);
        }
        for folder in ["bin", "tmp", "home"] {
            fs::create_dir_all(scratch.at(folder)).unwrap();
        }
        symlink(self.program(tool), scratch.at("bin/sops")).unwrap();
        scratch
    }
}

/// The file of both identities.
pub(crate) fn identities() -> PathBuf {
    paths::in_tests("cli/keys.txt")
}
