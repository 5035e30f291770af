//! The command as its users see it: sessions in `tests/cli/*.md`, run in the order in which they
//! are written, each file in a folder of its own.
//!
//! ```text
//! `p.yaml`:            the next block is the content of this file
//! $ command            as typed into a shell; several lines belong together until the next mark
//! < 'text\n'           standard input
//! ? 0                  exit status
//! 1| text              a line of standard output (1~: the last one, without a line end)
//! 2| text              a line of standard error
//! ```
//!
//! What differs from run to run is replaced: `[DIR]`, recipients `[R1]` and `[R2]`, tokens
//! `ENC[…,type:T]`, wrapped keys `[AGE ARMOR]`, times `[TIME]`, `[PRIVATE]` for the editor's folder.
//! With `SOPS_RS_BLESS=1` the files are rewritten with what the program does now; look at the
//! difference before committing it.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails where it unwraps")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use sops_tests::{run::Run, scratch::Scratch};

const R1: &str = "age1ypucxcsrnn30lwu25k2gv55d8nzjr0px7try0pys56mpkff744msg7zvcl";
const R2: &str = "age1qtcp7x5u5npvg68v4gy58f5x2kke0syt9vkjn4e2jmwcwrcas9cq6supw5";
const BINARY: &str = env!("CARGO_BIN_EXE_sops-rs");

#[test]
fn sessions_go_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cli");
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    files.sort();
    let bless = std::env::var_os("SOPS_RS_BLESS").is_some();
    let (mut commands, mut wrong) = (0, Vec::new());
    for path in files {
        let written = fs::read_to_string(&path).unwrap();
        let (happened, count) = play(&written, &folder);
        commands += count;
        if happened == written {
            continue;
        }
        if bless {
            fs::write(&path, happened).unwrap();
        } else {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            wrong.push(format!("{name}:\n{}", first_difference(&written, &happened)));
        }
    }
    assert!(commands > 0, "there are no sessions");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Runs a session and gives it as it would have to be written.
fn play(session: &str, data: &Path) -> (String, usize) {
    let scratch = Scratch::new();
    let work = scratch.at("work");
    fs::create_dir_all(&work).unwrap();
    let mut out = String::new();
    let mut lines = session.lines().peekable();
    let (mut file, mut count) = (None, 0);
    while let Some(line) = lines.next() {
        out.push_str(line);
        out.push('\n');
        if let Some(name) = line.strip_prefix('`').and_then(|rest| rest.strip_suffix("`:")) {
            file = Some(name.to_owned());
        } else if line == "```console" {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            for command in commands_of(&block) {
                count += 1;
                out.push_str(&command.play(&work, data));
            }
            out.push_str("```\n");
        } else if line == "```" {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            if let Some(name) = file.take() {
                let content: String = block.iter().map(|line| format!("{line}\n")).collect();
                let content = content.replace("[R1]", R1).replace("[R2]", R2);
                let path = work.join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, content).unwrap();
            }
            block.iter().for_each(|line| {
                out.push_str(line);
                out.push('\n');
            });
            out.push_str("```\n");
        }
    }
    (out, count)
}

/// One command of a session.
struct Typed<'s> {
    lines: Vec<&'s str>,
    input: Option<&'s str>,
}

fn commands_of<'s>(block: &[&'s str]) -> Vec<Typed<'s>> {
    let mut commands: Vec<Typed<'s>> = Vec::new();
    for line in block {
        if line.starts_with("$ ") {
            commands.push(Typed { lines: vec![line], input: None });
            continue;
        }
        let command = commands.last_mut().expect("a block begins with a command");
        match line.strip_prefix("< ") {
            Some(input) => command.input = Some(input),
            None if ["? ", "1| ", "2| ", "1~ "].iter().any(|mark| line.starts_with(mark)) => {}
            None if ["1|", "2|"].contains(line) => {}
            None => command.lines.push(line),
        }
    }
    commands
}

impl Typed<'_> {
    fn play(&self, work: &Path, data: &Path) -> String {
        let text = self.lines.join("\n");
        let binaries = Path::new(BINARY).parent().unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        let outcome = Run::program("/bin/sh", ["-c", &format!("umask 022\n{}", &text[2..])])
            .env("PATH", format!("{}:{path}", binaries.display()))
            // A home of fixed length: reports are broken into lines.
            .env("HOME", "/nonexistent")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("R1", R1)
            .env("R2", R2)
            .env("KEY1", data.join("key1.txt"))
            .env("KEY2", data.join("key2.txt"))
            .env("SOPS_AGE_KEY_FILE", data.join("keys.txt"))
            .within(work)
            .input(self.input.map(unquote).unwrap_or_default())
            .run();
        let mut out = format!("{text}\n");
        if let Some(input) = self.input {
            out.push_str(&format!("< {input}\n"));
        }
        out.push_str(&format!("? {}\n", outcome.code().unwrap_or(-1)));
        let known = |text: String| {
            let text = text.replace(R1, "[R1]").replace(R2, "[R2]");
            let text = text.replace(&work.display().to_string(), "[DIR]");
            steady(&text)
        };
        for (mark, text) in [('1', known(outcome.out())), ('2', known(outcome.err()))] {
            for line in text.split_inclusive('\n') {
                let end = if line.ends_with('\n') { '|' } else { '~' };
                let line = format!("{mark}{end} {}", line.trim_end_matches('\n'));
                out.push_str(line.trim_end());
                out.push('\n');
            }
        }
        out
    }
}

/// The text between single quotes, with `\n` and `\\`.
fn unquote(text: &str) -> Vec<u8> {
    let inner = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).unwrap_or(text);
    inner.replace("\\n", "\n").replace("\\\\", "\\").into_bytes()
}

/// Replaces what differs from run to run.
fn steady(text: &str) -> String {
    let mut out = String::new();
    let mut armor = false;
    for line in text.split_inclusive('\n') {
        if line.contains("-----BEGIN AGE") && !line.contains("-----END AGE") {
            armor = true;
            let blanks: String = line.chars().take_while(|c| *c == ' ').collect();
            out.push_str(&format!("{blanks}[AGE ARMOR]\n"));
        } else if armor {
            armor = !line.contains("-----END AGE");
        } else {
            out.push_str(&replaced(line));
        }
    }
    out
}

fn replaced(line: &str) -> String {
    let mut line = line.to_owned();
    // Tokens, with their notes.
    while let Some(start) = line.find("ENC[AES256_GCM,data:") {
        let Some(kind) = line[start..].find(",type:").map(|at| start + at) else { break };
        let Some(end) = line[kind..].find(']').map(|at| kind + at + 1) else { break };
        let note = line[end..].strip_prefix('~').map_or(0, |rest| {
            1 + rest
                .find(|c: char| !c.is_ascii_alphanumeric() && !"+/".contains(c))
                .unwrap_or(rest.len())
        });
        let short = format!("ENC[…{}", &line[kind..end]);
        line.replace_range(start..end + note, &short);
    }
    // Wrapped keys on one line.
    if let (Some(start), Some(end)) = (line.find("-----BEGIN AGE"), line.find("-----END AGE")) {
        let end = end + "-----END AGE ENCRYPTED FILE-----".len();
        line.replace_range(start..end, "[AGE ARMOR]");
    }
    // Times.
    for at in 0..line.len() {
        let is_time = line.get(at..at + 20).is_some_and(|text| {
            text.ends_with('Z')
                && text.chars().enumerate().all(|(at, c)| match at {
                    4 | 7 => c == '-',
                    10 => c == 'T',
                    13 | 16 => c == ':',
                    19 => c == 'Z',
                    _ => c.is_ascii_digit(),
                })
        });
        if is_time {
            line.replace_range(at..at + 20, "[TIME]");
            break;
        }
    }
    // The editor's folder.
    const EDIT: &str = "/sops-rs-edit-";
    if let Some(name) = line.find(EDIT) {
        let start = line[..name].rfind([' ', '"', '\'']).map_or(0, |at| at + 1);
        let end = line[name + 1..].find('/').map_or(line.len(), |at| name + 1 + at);
        if line[name + EDIT.len()..end].chars().all(|c| c.is_ascii_hexdigit()) {
            line.replace_range(start..end, "[PRIVATE]");
        }
    }
    line
}

fn first_difference(written: &str, happened: &str) -> String {
    let mut command = "";
    for (number, (a, b)) in written.lines().zip(happened.lines()).enumerate() {
        if a.starts_with("$ ") {
            command = a;
        }
        if a != b {
            return format!(
                "line {}, after `{command}`:\n  written:  {a}\n  happened: {b}",
                number + 1
            );
        }
    }
    "one is longer than the other".to_owned()
}
