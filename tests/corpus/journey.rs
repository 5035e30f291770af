//! The way of one file: from Go sops to ours, through changes by ours, and back to Go sops.

use std::path::Path;

use sops_core::format::Format;
use sops_tests::run::Run;
use sops_tests::scratch::Scratch;

use crate::case::{MARKED, MARKER};
use crate::documents::Document;
use crate::expected::Said;
use crate::keys::{Keys, Variables};
use crate::setups::Setup;
use crate::tool::Finding;

/// What a key is set to.
const FRESH: &str = "fresh: \"value\" # ünïcödé";

/// How keys are used.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way<'a> {
    /// By the program itself.
    Directly,
    /// By the key service of Go sops at this address, and by nothing else.
    Go(&'a str),
    /// By ours.
    Ours(&'a str),
}

/// A file, before it is made.
pub(crate) struct Plan<'a> {
    pub(crate) number: usize,
    pub(crate) document: Document,
    pub(crate) setup: &'a Setup,
    /// The keys that it gets in the end.
    pub(crate) other: &'a Setup,
    pub(crate) way: Way<'a>,
}

/// What both programs are, and what they need.
pub(crate) struct Equipment<'a> {
    pub(crate) go: &'a Path,
    pub(crate) keys: &'a Keys,
    pub(crate) everything: Variables,
}

/// A change by ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Set,
    Edit,
    Unset,
    Rotate,
    UpdateKeys,
}

const CHANGES: [Change; 5] =
    [Change::Set, Change::Edit, Change::Unset, Change::Rotate, Change::UpdateKeys];

/// How often either program was called.
#[derive(Debug, Default)]
pub(crate) struct Count {
    pub(crate) go: usize,
    pub(crate) ours: usize,
}

/// A file on its way.
struct Journey<'a> {
    plan: &'a Plan<'a>,
    equipment: &'a Equipment<'a>,
    scratch: Scratch,
    file: &'static str,
    count: Count,
}

/// Sends a file on its way.
pub(crate) fn make(plan: &Plan<'_>, equipment: &Equipment<'_>) -> Result<Count, Finding> {
    let (scratch, case) = (Scratch::new(), &plan.document.case);
    let rule = |setup: &Setup| {
        let mut lines = setup.lines(equipment.keys);
        lines.extend(case.rule.lines());
        format!("creation_rules:\n  - {}\n", lines.join("\n    "))
    };
    scratch.write(".sops.yaml", rule(plan.setup));
    scratch.write("other.yaml", rule(plan.other));
    scratch.script("editor", &format!("#!/bin/sh\nexec sed -i s/{MARKER}/{MARKED}/ \"$1\"\n"));
    scratch.write(case.file(), &case.text.bytes);
    let mut journey =
        Journey { plan, equipment, scratch, file: case.file(), count: Count::default() };
    journey.travel().map_err(|finding| journey.report(&finding))?;
    Ok(journey.count)
}

impl Journey<'_> {
    fn travel(&mut self) -> Result<(), Finding> {
        let file = self.file;
        self.go("encrypt", &["encrypt", "-i", file])?;
        let theirs = self.go("decrypt its own file", &["decrypt", file])?;
        let mut wanted = self.said(&theirs)?;
        let (keys, number) = (self.equipment.keys, self.plan.number);
        let opened = self.open(&self.plan.setup.least(keys, number))?;
        self.same(&opened, &wanted, "ours reads what Go sops wrote")?;
        // Each change is the last one before Go sops looks in some of the files.
        let look_after = self.plan.number % (CHANGES.len() - 1);
        for (at, change) in CHANGES.into_iter().enumerate() {
            self.change(change, &mut wanted)?;
            if at == look_after || at == CHANGES.len() - 1 {
                let opened = self.go("decrypt", &["decrypt", file])?;
                self.same(&opened, &wanted, &format!("Go sops, after {change:?} by ours"))?;
            }
        }
        let opened = self.open(&self.plan.other.least_after(self.plan.setup, keys, number))?;
        self.same(&opened, &wanted, "ours, with other keys")
    }

    /// Ours changes the file, and what it has to say changes with it.
    fn change(&mut self, change: Change, wanted: &mut Said) -> Result<(), Finding> {
        let document = &self.plan.document;
        let format = document.case.format;
        let section = (format == Format::Ini).then_some("DEFAULT");
        let path = |key: &str| match section {
            Some(section) => format!("[\"{section}\"][\"{key}\"]"),
            None => format!("[\"{key}\"]"),
        };
        let file = self.file;
        match change {
            // They have no keys.
            Change::Set | Change::Unset if format == Format::Binary => {}
            Change::Set => {
                let value = serde_json::Value::from(FRESH).to_string();
                self.ours("set", &["set", file, &path(document.changed), &value])?;
                wanted.set(section, document.changed, FRESH);
            }
            Change::Unset => {
                self.ours("unset", &["unset", file, &path(document.gone)])?;
                wanted.unset(section, document.gone);
            }
            Change::Edit => {
                self.ours("edit", &["edit", file])?;
                wanted.edit();
            }
            Change::Rotate => drop(self.ours("rotate", &["rotate", "-i", file])?),
            Change::UpdateKeys => {
                let arguments = ["--config", "other.yaml", "updatekeys", "-y", file];
                self.ours("updatekeys", &arguments)?;
            }
        }
        Ok(())
    }

    /// Ours decrypts, with no more keys than it takes.
    fn open(&mut self, least: &Variables) -> Result<Vec<u8>, Finding> {
        let run = self.surroundings(Run::sops_rs(["decrypt", self.file]), least);
        self.count.ours += 1;
        finish("ours: decrypt", &run)
    }

    fn ours(&mut self, what: &str, arguments: &[&str]) -> Result<Vec<u8>, Finding> {
        let run = Run::sops_rs(arguments).env("SOPS_ALLOW_NOTHING_ENCRYPTED", "true");
        self.count.ours += 1;
        finish(&format!("ours: {what}"), &self.surroundings(run, &self.equipment.everything))
    }

    fn go(&mut self, what: &str, arguments: &[&str]) -> Result<Vec<u8>, Finding> {
        let run = Run::peer(self.equipment.go, arguments);
        self.count.go += 1;
        finish(&format!("Go sops: {what}"), &self.surroundings(run, &self.equipment.everything))
    }

    fn surroundings(&self, run: Run, keys: &Variables) -> Run {
        let run = run
            .within(self.scratch.path())
            .env("HOME", self.scratch.path())
            .env("TMPDIR", self.scratch.path())
            .env("SOPS_EDITOR", self.scratch.at("editor"));
        match self.plan.way {
            Way::Directly => run.envs(keys.iter().map(|(name, value)| (name, value))),
            Way::Go(address) | Way::Ours(address) => {
                run.env("SOPS_ENABLE_LOCAL_KEYSERVICE", "false").env("SOPS_KEYSERVICE", address)
            }
        }
    }

    fn said(&self, text: &[u8]) -> Result<Said, Finding> {
        if String::from_utf8_lossy(text).contains("ENC[AES256_GCM") {
            return Err("something stayed encrypted".to_owned());
        }
        Said::of(self.plan.document.case.format, text)
    }

    fn same(&self, text: &[u8], wanted: &Said, what: &str) -> Result<(), Finding> {
        let comments = !self.plan.document.case.text.loses_comments;
        let same = self.said(text).and_then(|said| said.same(wanted, comments));
        same.map_err(|finding| format!("{what}: {finding}\n--- it says\n{}", shown(text)))
    }

    /// A finding with all that it takes to look into it.
    fn report(&self, finding: &str) -> String {
        let (plan, at) = (self.plan, self.plan.number);
        let (name, way) = (plan.document.name, plan.way);
        let read = |name: &str| shown(&std::fs::read(self.scratch.at(name)).unwrap_or_default());
        format!(
            "==== SOPS_CORPUS_ONLY={at}: {name}, {:?}, then {:?}, {way:?}\n{finding}\n--- rule\n{}\
             --- plain\n{}\n--- file\n{}",
            plan.setup.name,
            plan.other.name,
            read(".sops.yaml"),
            shown(&plan.document.case.text.bytes),
            read(self.file),
        )
    }
}

fn finish(what: &str, run: &Run) -> Result<Vec<u8>, Finding> {
    let outcome = run.run();
    if outcome.status.success() { Ok(outcome.stdout) } else { Err(format!("{what}: {outcome}")) }
}

/// A text of which long lines are cut.
fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let lines = text.lines().map(|line| match line.char_indices().nth(300) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}
