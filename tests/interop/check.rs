//! What is asked of both programs about one document.

use std::path::Path;

use sops_core::format::Format;

use crate::case::{Case, MARKED, MARKER};
use crate::classes;
use crate::data;
use crate::rules::Keys;
use crate::tool::{Desk, Finding, Operation, Tool};

/// What one check found.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The name of the check.
    pub(crate) check: &'static str,
    pub(crate) finding: Finding,
}

type Check<'a> = fn(&Bench<'a>) -> Result<(), Finding>;

/// A document on its way through both programs.
struct Bench<'a> {
    case: &'a Case,
    desk: Desk<'a>,
    go: Tool<'a>,
    /// As ours encrypted it.
    ours: Vec<u8>,
    /// As the reference encrypted it.
    theirs: Vec<u8>,
    /// What the reference reads from its own file.
    reference: Vec<u8>,
}

/// Runs all checks on a document.
pub(crate) fn case(case: &Case, keys: &Keys, go: &Path) -> Vec<Failure> {
    let desk = Desk::new(case, keys);
    let go = Tool::Go(go);
    let plain = &case.text.bytes;
    let failed = |check, finding| vec![Failure { check, finding }];
    let classes = classes::of(case);
    if classes.contains(&classes::Class::CommentRuleUnseen) {
        return match desk.encrypt(Tool::Ours, plain) {
            Err(finding) if finding.contains("that Go sops does not see") => Vec::new(),
            Err(finding) => failed("ours refuses", finding),
            Ok(sealed) => failed("ours refuses", String::from_utf8_lossy(&sealed).into_owned()),
        };
    }
    let ours = match desk.encrypt(Tool::Ours, plain) {
        Ok(ours) => ours,
        Err(finding) => return failed("ours encrypts", finding),
    };
    if !classes.is_empty() {
        let bench = Bench { case, desk, go, ours, theirs: Vec::new(), reference: Vec::new() };
        return bench.run(&[
            ("ours gives the bytes back", Bench::bytes_come_back),
            ("an edit changes one line", Bench::one_line),
            ("the reference opens ours as JSON", Bench::ours_to_reference_as_json),
        ]);
    }
    let theirs = match desk.encrypt(go, plain) {
        Ok(theirs) => theirs,
        Err(finding) => return failed("the reference encrypts", finding),
    };
    let reference = match desk.decrypt(go, &theirs) {
        Ok(reference) => reference,
        Err(finding) => return failed("the reference opens its own file", finding),
    };
    let bench = Bench { case, desk, go, ours, theirs, reference };
    bench.run(&[
        ("ours gives the bytes back", Bench::bytes_come_back),
        ("the same values are encrypted", Bench::same_selection),
        ("the reference opens ours", Bench::ours_to_reference),
        ("ours opens the reference's", Bench::reference_to_ours),
        ("as JSON", Bench::as_json),
        ("an edit changes one line", Bench::one_line),
        ("a change by either program", Bench::changes),
        ("changes by both programs in turn", Bench::in_turn),
    ])
}

impl<'a> Bench<'a> {
    fn run(&self, checks: &[(&'static str, Check<'a>)]) -> Vec<Failure> {
        let failed = |&(check, run): &(&'static str, Check<'a>)| {
            run(self).err().map(|finding| Failure { check, finding })
        };
        checks.iter().filter_map(failed).collect()
    }

    fn plain(&self) -> &[u8] {
        &self.case.text.bytes
    }

    fn same(&self, a: &[u8], b: &[u8]) -> Result<(), Finding> {
        if self.case.format == Format::Binary {
            return if a == b { Ok(()) } else { Err("other bytes".to_owned()) };
        }
        data::same(self.case.format, a, b)
    }

    /// In a dotenv file whose lines end with a carriage return, ours gives one to a new value as
    /// well; the reference leaves that line without.
    fn same_after_change(&self, a: &[u8], b: &[u8]) -> Result<(), Finding> {
        if self.case.format != Format::Dotenv {
            return self.same(a, b);
        }
        let without =
            |text: &[u8]| text.iter().copied().filter(|&b| b != b'\r').collect::<Vec<_>>();
        self.same(&without(a), &without(b))
    }

    fn bytes_come_back(&self) -> Result<(), Finding> {
        let back = self.desk.decrypt(Tool::Ours, &self.ours)?;
        if self.case.has_sealed_aliases() {
            // They become copies, in both programs.
            return self.same(&back, self.plain());
        }
        if back == self.plain() {
            return Ok(());
        }
        Err(two("not the bytes it was", &back, &self.ours))
    }

    /// The same number of values of each type became tokens in both files.
    fn same_selection(&self) -> Result<(), Finding> {
        let (ours, theirs) = (tokens(&self.ours), tokens(&self.theirs));
        let comments = ours.comments == theirs.comments
            || self.case.text.loses_comments && ours.comments > theirs.comments;
        if ours.values == theirs.values && comments {
            return Ok(());
        }
        let what = format!("{ours:?} are encrypted here, {theirs:?} there");
        Err(two(&what, &self.ours, &self.theirs))
    }

    fn ours_to_reference(&self) -> Result<(), Finding> {
        let opened = self.desk.decrypt(self.go, &self.ours)?;
        let nothing_left = nothing_sealed(&opened);
        nothing_left.map_err(|what| two(&what, &opened, &self.ours))?;
        self.same(&opened, &self.reference)?;
        self.same(&opened, self.plain())?;
        // Comments that the reference keeps when it is on its own.
        let (text, own) =
            (String::from_utf8_lossy(&opened), String::from_utf8_lossy(&self.reference));
        let lost = |comment: &&String| own.contains(*comment) && !text.contains(*comment);
        match self.case.text.comments.iter().find(lost) {
            Some(comment) => Err(two(&format!("no comment {comment:?}"), &opened, &self.ours)),
            None => Ok(()),
        }
    }

    /// Where the reference's YAML is broken, its JSON is not: before and after a rotation by ours.
    fn ours_to_reference_as_json(&self) -> Result<(), Finding> {
        let rotated = self.desk.change(Tool::Ours, &Operation::Rotate, &self.ours)?;
        for sealed in [&self.ours, &rotated] {
            let plain = self.desk.decrypt(Tool::Ours, sealed)?;
            self.same(&plain, self.plain())?;
            let here = self.desk.decrypt_as(Tool::Ours, "json", sealed);
            let there = self.desk.decrypt_as(self.go, "json", sealed);
            same_json(here, there)?;
        }
        Ok(())
    }

    fn reference_to_ours(&self) -> Result<(), Finding> {
        let opened = self.desk.decrypt(Tool::Ours, &self.theirs)?;
        nothing_sealed(&opened).map_err(|what| two(&what, &opened, &self.theirs))?;
        self.same(&opened, &self.reference)
    }

    /// Both programs print both files as the same JSON.
    fn as_json(&self) -> Result<(), Finding> {
        if self.case.format == Format::Binary {
            return Ok(());
        }
        for sealed in [&self.ours, &self.theirs] {
            let here = self.desk.decrypt_as(Tool::Ours, "json", sealed);
            let there = self.desk.decrypt_as(self.go, "json", sealed);
            same_json(here, there)?;
        }
        Ok(())
    }

    /// Editing the marker with ours changes its line, the time and the MAC, nothing else.
    fn one_line(&self) -> Result<(), Finding> {
        if self.case.format == Format::Binary {
            return Ok(());
        }
        let edited = self.desk.change(Tool::Ours, &Operation::Edit, &self.ours)?;
        let back = self.desk.decrypt(Tool::Ours, &edited)?;
        let wanted = String::from_utf8_lossy(self.plain()).replace(MARKER, MARKED);
        if self.case.has_sealed_aliases() {
            self.same(&back, wanted.as_bytes())?;
        } else if back != wanted.as_bytes() {
            return Err(two("the edit did more than it should", &back, self.plain()));
        }
        only_these_lines(&self.ours, &edited, 1)
    }

    /// Each program changes each file in the same way, and the other one reads the result.
    fn changes(&self) -> Result<(), Finding> {
        let mut rng = self.case.rng.clone();
        let operation = crate::operations::choose(self.case, &mut rng);
        let desk = &self.desk;
        let here = |tool, sealed: &[u8]| desk.change(tool, &operation, sealed);
        // Where the reference's own change is no measure, ours on its file is one for ours on ours.
        let class = classes::of_change(self.case, &operation);
        let (tool, reader) =
            if class.is_some() { (Tool::Ours, Tool::Ours) } else { (self.go, self.go) };
        let wanted = desk.decrypt(reader, &here(tool, &self.theirs)?)?;
        let say = |who: &str, finding| format!("{operation:?} {who}: {finding}");
        let check = |who: &str, changed: Result<Vec<u8>, Finding>, reader| {
            let changed = changed.map_err(|finding| say(who, finding))?;
            let opened = desk.decrypt(reader, &changed).map_err(|finding| say(who, finding))?;
            self.same_after_change(&opened, &wanted).map_err(|finding| say(who, finding))
        };
        check("by ours on ours", here(Tool::Ours, &self.ours), self.go)?;
        check("by ours on the reference's", here(Tool::Ours, &self.theirs), self.go)?;
        if class.is_some() {
            return Ok(());
        }
        check("by the reference on ours", here(self.go, &self.ours), Tool::Ours)
    }

    /// Each program goes on with what the other one has changed. This takes many processes, so
    /// some documents have to do.
    fn in_turn(&self) -> Result<(), Finding> {
        if !self.case.number.is_multiple_of(4) {
            return Ok(());
        }
        let mut rng = self.case.rng.clone();
        let first = crate::operations::choose(self.case, &mut rng);
        if classes::of_change(self.case, &first).is_some() {
            return Ok(());
        }
        let second = crate::operations::choose_after(self.case, &first, &mut rng);
        let desk = &self.desk;
        let twice = |one, other, sealed: &[u8]| {
            let between = desk.change(one, &first, sealed)?;
            desk.change(other, &second, &between)
        };
        let wanted = desk.decrypt(self.go, &twice(self.go, self.go, &self.theirs)?)?;
        let check = |who: &str, changed: Result<Vec<u8>, Finding>, reader| {
            let opened = changed.and_then(|changed| desk.decrypt(reader, &changed));
            opened
                .and_then(|opened| self.same_after_change(&opened, &wanted))
                .map_err(|finding| format!("{first:?}, then {second:?}, {who}: {finding}"))
        };
        check("last by ours", twice(self.go, Tool::Ours, &self.ours), self.go)?;
        check("last by the reference", twice(Tool::Ours, self.go, &self.theirs), Tool::Ours)
    }
}

/// Compares what both programs print as JSON, or that both refuse what JSON cannot hold, such as
/// infinity.
fn same_json(
    here: Result<Vec<u8>, Finding>,
    there: Result<Vec<u8>, Finding>,
) -> Result<(), Finding> {
    match (here, there) {
        (Ok(here), Ok(there)) => data::same(Format::Json, &here, &there),
        (Err(_), Err(_)) => Ok(()),
        (Ok(_), Err(finding)) => Err(format!("only the reference refuses: {finding}")),
        (Err(finding), Ok(_)) => Err(format!("only ours refuses: {finding}")),
    }
}

/// How many tokens of each type a file holds.
#[derive(Debug)]
struct Tokens {
    values: [(&'static str, usize); 5],
    comments: usize,
}

fn tokens(sealed: &[u8]) -> Tokens {
    let text = String::from_utf8_lossy(sealed);
    let count = |kind: &str| text.matches(&format!(",type:{kind}]")).count();
    Tokens {
        values: ["str", "int", "float", "bool", "time"].map(|kind| (kind, count(kind))),
        comments: count("comment"),
    }
}

fn nothing_sealed(opened: &[u8]) -> Result<(), Finding> {
    let text = String::from_utf8_lossy(opened);
    if text.contains("ENC[AES256_GCM") {
        Err("something stayed encrypted".to_owned())
    } else {
        Ok(())
    }
}

/// Checks that two encrypted files differ in so many lines of data, and in time and MAC.
fn only_these_lines(before: &[u8], after: &[u8], data_lines: usize) -> Result<(), Finding> {
    let (a, b) = (String::from_utf8_lossy(before), String::from_utf8_lossy(after));
    let lines = |text: &str| text.split('\n').map(str::to_owned).collect::<Vec<_>>();
    let (a, b) = (lines(&a), lines(&b));
    let changed: Vec<&String> =
        a.iter().zip(&b).filter(|(a, b)| a != b).map(|(line, _)| line).collect();
    let of_metadata = |line: &str| line.contains("lastmodified") || line.contains("mac");
    let data = changed.iter().filter(|line| !of_metadata(line)).count();
    if a.len() == b.len() && data <= data_lines {
        return Ok(());
    }
    Err(two(&format!("other lines too: {changed:#?}"), before, after))
}

fn two(what: &str, a: &[u8], b: &[u8]) -> Finding {
    let (a, b) = (String::from_utf8_lossy(a), String::from_utf8_lossy(b));
    format!("{what}\n--- one\n{a}\n--- other\n{b}")
}
