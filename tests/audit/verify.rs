//! `audit verify`, beside a second reading of how lines hold on to one another.

use sha2::{Digest as _, Sha256};
use sops_tests::run::{Outcome, Run};

use super::place::{FILE, Place};

fn verify(place: &Place, words: &[&str]) -> Outcome {
    place.plainly(Run::sops_rs(["audit", "verify"])).args(words).run()
}

fn log_of(place: &Place, records: usize) -> (&'static str, Vec<String>) {
    let (settings, log) = place.log();
    for _ in 0..records {
        place.sops_rs(&settings, &["decrypt", FILE]).run().success();
    }
    (log, place.scratch.text(log).lines().map(str::to_owned).collect())
}

#[test]
fn lines_are_hashed_as_it_is_documented() {
    let Some(place) = Place::new() else { return };
    let (log, lines) = log_of(&place, 3);
    let mut previous = "0".repeat(64);
    for line in &lines {
        let (hashed, rest) = line.split_once(",\"hash\":\"").expect("there is a hash");
        assert!(hashed.ends_with(&format!(",\"previous\":\"{previous}\"")), "{line}");
        let digest = Sha256::digest(hashed.as_bytes());
        previous = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(rest, format!("{previous}\"}}"));
    }
    let told = verify(&place, &[log]).success();
    assert_eq!(told.out(), format!("{log}: 3 records, the last hash is {previous}\n"));
}

#[test]
fn what_was_done_to_a_log_is_told_with_the_line() {
    let Some(place) = Place::new() else { return };
    let (log, lines) = log_of(&place, 4);
    let fails = |lines: &[String], words: &str| {
        place.scratch.write("other", lines.join("\n") + "\n");
        let outcome = verify(&place, &["other"]).fails_with(1);
        assert_eq!(outcome.err(), format!("other: {words}\n"));
    };
    let mut changed = lines.clone();
    changed[1] = changed[1].replace("decrypt", "encrypt");
    fails(&changed, "line 2: the record was changed: its hash is another one");
    let moved = "records before this one were removed, added or exchanged";
    fails(&lines[1..], &format!("line 1: {moved}"));
    let mut without = lines.clone();
    without.remove(2);
    fails(&without, &format!("line 3: {moved}"));
    let mut torn = lines.clone();
    torn[3].truncate(100);
    fails(&torn, "line 4: this is no whole record");

    // The end can only be missed by whoever remembers it.
    let last = &lines[3][lines[3].len() - 66..][..64];
    place.scratch.write("other", lines[..3].join("\n") + "\n");
    verify(&place, &["other"]).success();
    let gone = verify(&place, &["--contains", last, "other"]).fails_with(1);
    assert!(gone.err().contains(&format!("no record has the hash {last}")), "{gone}");
    verify(&place, &["--contains", last, log]).success();
    verify(&place, &["--contains", "xyz", log]).fails_with(1);
    verify(&place, &["absent"]).fails_with(2);
    verify(&place, &[]).fails_with(100);
    let input = place.plainly(Run::sops_rs(["audit", "verify", "-"]));
    input.input(place.scratch.read(log)).run().success();
}

/// What a crash left stays as evidence, and does not keep anybody from working.
#[test]
fn a_line_that_was_cut_off_is_found_and_gone_on_behind() {
    let Some(place) = Place::new() else { return };
    let (log, lines) = log_of(&place, 2);
    place.scratch.write(log, format!("{}\n{}", lines[0], &lines[1][..200]));
    log_of(&place, 2);
    let text = place.scratch.text(log);
    let after: Vec<&str> = text.lines().collect();
    assert_eq!((after.len(), after[1]), (4, &lines[1][..200]));
    let outcome = verify(&place, &[log]).fails_with(1);
    assert_eq!(outcome.err(), format!("{log}: line 2: this is no whole record\n"));
    // Without it, the rest holds together.
    place.scratch.write("other", [after[0], after[2], after[3], ""].join("\n"));
    verify(&place, &["other"]).success();
}
