//! What the diagnosis of a MAC mismatch says about one change is true of that change.

use sops_core::document::Document;
use sops_core::format::Format;
use sops_core::pipeline::{self, Diagnosis, MacVerdict, Spot};
use sops_core::selection::{Field, Selection};

use super::{sealing, tampering::Sealed};

const PLAIN: &str = "\
name_clear: app
count_clear: 3
ratio_clear: 1.50
flag_clear: true
list:
- one
- two
- three
- four
user: u
pass: p
block:
  first: f
  second: s
last: z
";

fn sealed(text: &str) -> Vec<String> {
    let clear = Selection::from_fields([(Field::UnencryptedSuffix, "_clear")]).unwrap();
    let sealed = Sealed::of(Format::Yaml, text.as_bytes(), &clear).unwrap();
    sealed.text.lines().map(str::to_owned).collect()
}

/// The diagnosis of a sealed document after a change to its lines.
fn after(text: &str, change: impl Fn(&mut Vec<String>)) -> Diagnosis {
    let mut lines = sealed(text);
    change(&mut lines);
    match verdict(&(lines.join("\n") + "\n")) {
        MacVerdict::Differs(diagnosis) => diagnosis,
        other => panic!("{other:?}"),
    }
}

fn verdict(text: &str) -> MacVerdict {
    let Ok(Document::Sealed(document)) = Document::read(Format::Yaml, text.into()) else {
        panic!("it reads as sealed: {text}")
    };
    let opened = pipeline::open(*document, &sealing::data_key(1), false).unwrap();
    opened.verdict().clone()
}

fn shown(spot: &Spot) -> String {
    spot.to_string()
}

fn line(lines: &[String], start: &str) -> usize {
    lines.iter().position(|line| line.trim_start().starts_with(start)).unwrap()
}

#[test]
fn a_value_added_in_clear_is_named() {
    let added = after(PLAIN, |lines| lines.insert(2, "new_clear: here".into()));
    assert!(matches!(&added, Diagnosis::Added(spot) if shown(spot) == r#"["new_clear"] (line 3)"#));
    let block = "more_clear:\n  x: 1\n  y: two\n  z: 3";
    let added = after(PLAIN, |lines| lines.insert(4, block.into()));
    assert!(
        matches!(&added, Diagnosis::Added(spot) if shown(spot) == r#"["more_clear"] (line 6)"#)
    );
}

#[test]
fn a_copied_token_is_named_with_its_original() {
    let copied = after(PLAIN, |lines| {
        let second = line(lines, "list:") + 2;
        let token = lines[second].clone();
        lines.insert(second + 2, token);
    });
    let Diagnosis::Copied(of, copy) = copied else { panic!("{copied:?}") };
    assert_eq!(
        (shown(&of), shown(&copy)),
        (r#"["list"][1] (line 7)"#.into(), r#"["list"][3] (line 9)"#.into())
    );
}

#[test]
fn exchanged_items_and_moved_blocks_are_named() {
    let swapped = after(PLAIN, |lines| {
        let first = line(lines, "list:") + 1;
        lines.swap(first, first + 2);
    });
    let Diagnosis::Swapped(a, b) = swapped else { panic!("{swapped:?}") };
    assert_eq!(
        (shown(&a), shown(&b)),
        (r#"["list"][0] (line 6)"#.into(), r#"["list"][2] (line 8)"#.into())
    );

    let moved = after(PLAIN, |lines| {
        let at = line(lines, "block:");
        let block: Vec<_> = lines.drain(at..at + 3).collect();
        let to = line(lines, "list:");
        lines.splice(to..to, block);
    });
    let Diagnosis::Moved { what, before: Some(before) } = moved else { panic!("{moved:?}") };
    assert_eq!(shown(&what), r#"["block"] (line 6)"#);
    assert_eq!(before.path.to_string(), r#"["last"]"#);
}

#[test]
fn keys_that_lost_their_order_are_told() {
    let unsorted = after("a: one\nb: two\nc: three\nd: four\n", |lines| {
        let (a, b, c) = (line(lines, "a:"), line(lines, "b:"), line(lines, "c:"));
        lines.swap(a, c);
        lines.swap(b, c);
    });
    assert_eq!(unsorted, Diagnosis::WasSorted);
    let sorted = after("c: one\na: two\nd: three\nb: four\n", |lines| lines[..4].sort());
    assert!(matches!(sorted, Diagnosis::Unknown { sorted: true, .. }), "{sorted:?}");
}

#[test]
fn quotes_put_around_a_value_or_taken_off_are_told() {
    let quoted = after(PLAIN, |lines| lines[2] = "ratio_clear: \"1.50\"".into());
    let Diagnosis::Retyped { spots, count: 1, is_text: true } = quoted else {
        panic!("{quoted:?}")
    };
    assert_eq!(shown(&spots[0]), r#"["ratio_clear"] (line 3)"#);
    let all = after(PLAIN, |lines| {
        lines[2] = "ratio_clear: \"1.50\"".into();
        lines[3] = "flag_clear: 'true'".into();
    });
    assert!(matches!(all, Diagnosis::Retyped { count: 2, is_text: true, .. }), "{all:?}");
    let bare = after("a_clear: 'true'\nb_clear: false\nc: x\n", |lines| {
        lines[0] = "a_clear: true".into();
    });
    assert!(matches!(bare, Diagnosis::Retyped { count: 1, is_text: false, .. }), "{bare:?}");
}

/// A whole number has the same bytes with and without quotes: the MAC does not tell.
#[test]
fn a_quoted_whole_number_is_not_noticed() {
    let mut lines = sealed(PLAIN);
    lines[1] = "count_clear: \"3\"".into();
    assert_eq!(verdict(&(lines.join("\n") + "\n")), MacVerdict::Matches);
}

#[test]
fn what_cannot_be_told_names_the_candidates() {
    let names = |diagnosis: Diagnosis| match diagnosis {
        Diagnosis::Unknown { clear, empty, .. } => {
            let paths = |spots: &[Spot]| spots.iter().map(shown).collect::<Vec<_>>().join(" ");
            (clear.count, paths(&clear.named), empty.count, paths(&empty.named))
        }
        other => panic!("{other:?}"),
    };
    let changed = names(after(PLAIN, |lines| lines[0] = "name_clear: other".into()));
    assert_eq!(changed.0, 4);
    assert!(changed.1.starts_with(r#"["name_clear"] (line 1) "#), "{}", changed.1);
    for start in ["name_clear:", "last:", "second:"] {
        let removed = names(after(PLAIN, |lines| {
            let at = line(lines, start);
            lines.remove(at);
        }));
        assert_eq!((removed.0, removed.2), (if start == "name_clear:" { 3 } else { 4 }, 0));
    }
    let emptied = names(after(PLAIN, |lines| {
        let at = line(lines, "pass:");
        lines[at] = "pass: \"\"".into();
    }));
    assert_eq!((emptied.2, emptied.3.as_str()), (1, r#"["pass"] (line 11)"#));
}

/// A merge that takes one value of the other branch, and MAC and time of this one.
#[test]
fn a_merge_of_two_branches_is_not_blamed_on_one_place() {
    let theirs = {
        let opened =
            sealing::open(Format::Yaml, &(sealed(PLAIN).join("\n") + "\n").as_str().into(), 1);
        let text = PLAIN.replace("pass: p", "pass: new");
        let plain = sealing::plain(Format::Yaml, text.as_bytes()).unwrap();
        sealing::reseal(plain, opened).text.expose_str().unwrap().to_owned()
    };
    let theirs: Vec<&str> = theirs.lines().collect();
    let merged = after(PLAIN, |lines| {
        let at = line(lines, "pass:");
        assert_ne!(lines[at], theirs[at]);
        lines[at] = theirs[at].to_owned();
    });
    assert!(matches!(merged, Diagnosis::Unknown { .. }), "{merged:?}");
}

/// The search is cut off, so that a large file with one changed value is told soon. Without a
/// limit this would hash some 30 GB.
#[test]
fn a_large_file_is_searched_for_a_moment_only() {
    let text: String = (0..2_000).map(|n| format!("k{n}_clear: {}\n", "x".repeat(2_000))).collect();
    let text = text + "secret: s\n";
    let changed = after(&text, |lines| lines[7] = "k7_clear: other".into());
    assert!(matches!(changed, Diagnosis::Unknown { .. }));
}
