//! The two programs, asked for the same things in the same words.

use std::path::Path;

use sops_tests::run::Run;
use sops_tests::scratch::Scratch;

use crate::case::{Case, MARKED, MARKER, Step, index_text};
use crate::rules::Keys;

/// What went wrong, with all that is needed to look into it.
pub(crate) type Finding = String;

/// One of the programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool<'a> {
    Ours,
    Go(&'a Path),
}

/// A change to an encrypted file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Rotate,
    UpdateKeys,
    Set(Vec<Step>, String),
    Unset(Vec<Step>),
    /// The editor replaces the marker.
    Edit,
}

/// A folder with the files of one case and the keys to them.
#[derive(Debug)]
pub(crate) struct Desk<'a> {
    pub(crate) scratch: Scratch,
    keys: &'a Keys,
    file: &'static str,
}

impl<'a> Desk<'a> {
    pub(crate) fn new(case: &Case, keys: &'a Keys) -> Self {
        let scratch = Scratch::new();
        scratch.write(".sops.yaml", case.rule.config(keys));
        scratch.write("other.yaml", case.rule.with_other_keys().config(keys));
        // The reference opens the editor again, for ever, when it cannot read what came out of
        // it; the second time the editor fails.
        let sed = format!("sed -i s/{MARKER}/{MARKED}/ \"$1\"");
        let script = format!("#!/bin/sh\nmkdir \"$0.opened\" && {sed}\n");
        scratch.script("editor", &script);
        Self { scratch, keys, file: case.file() }
    }

    fn run(&self, tool: Tool<'_>, arguments: &[&str]) -> Run {
        let run = match tool {
            Tool::Ours => Run::sops_rs(arguments).env("SOPS_ALLOW_NOTHING_ENCRYPTED", "true"),
            Tool::Go(path) => Run::peer(path, arguments),
        };
        run.env("SOPS_AGE_KEY", &self.keys.identities)
            .env("SOPS_EDITOR", self.scratch.at("editor"))
            .env("TMPDIR", self.scratch.path())
            .within(self.scratch.path())
    }

    /// Runs to the end; anything but success is a finding.
    fn done(&self, tool: Tool<'_>, arguments: &[&str]) -> Result<Vec<u8>, Finding> {
        let outcome = self.run(tool, arguments).run();
        if outcome.status.success() { Ok(outcome.stdout) } else { Err(outcome.to_string()) }
    }

    pub(crate) fn encrypt(&self, tool: Tool<'_>, plain: &[u8]) -> Result<Vec<u8>, Finding> {
        self.scratch.write(self.file, plain);
        self.done(tool, &["encrypt", self.file])
    }

    pub(crate) fn decrypt(&self, tool: Tool<'_>, sealed: &[u8]) -> Result<Vec<u8>, Finding> {
        self.scratch.write(self.file, sealed);
        self.done(tool, &["decrypt", self.file]).map_err(|error| with(&error, sealed))
    }

    pub(crate) fn decrypt_as(
        &self,
        tool: Tool<'_>,
        format: &str,
        sealed: &[u8],
    ) -> Result<Vec<u8>, Finding> {
        self.scratch.write(self.file, sealed);
        let arguments = ["decrypt", "--output-type", format, self.file];
        self.done(tool, &arguments).map_err(|error| with(&error, sealed))
    }

    /// The file after the change.
    pub(crate) fn change(
        &self,
        tool: Tool<'_>,
        operation: &Operation,
        sealed: &[u8],
    ) -> Result<Vec<u8>, Finding> {
        self.scratch.write(self.file, sealed);
        let file = self.file;
        let done = match operation {
            Operation::Rotate => self.done(tool, &["rotate", "-i", file]),
            Operation::UpdateKeys => {
                self.done(tool, &["--config", "other.yaml", "updatekeys", "-y", file])
            }
            Operation::Set(path, value) => {
                self.done(tool, &["set", file, &index_text(path), value])
            }
            Operation::Unset(path) => self.done(tool, &["unset", file, &index_text(path)]),
            Operation::Edit => {
                let done = self.done(tool, &["edit", file]);
                let _ = std::fs::remove_dir(self.scratch.at("editor.opened"));
                done
            }
        };
        done.map_err(|error| with(&error, sealed))?;
        Ok(self.scratch.read(file))
    }
}

fn with(error: &str, file: &[u8]) -> Finding {
    format!("{error}\n--- file\n{}", String::from_utf8_lossy(file))
}
