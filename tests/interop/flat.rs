//! Generated dotenv, INI and binary files.

use crate::case::{MARKER, Step, Text};
use crate::rng::Rng;
use crate::words;

/// `KEY=value` lines.
pub(crate) fn dotenv(rng: &mut Rng) -> Text {
    let end = if rng.percent(10) { "\r\n" } else { "\n" };
    let mut text = Text::default();
    let mut out = String::new();
    let count = rng.between(1, 9);
    let marker = rng.below(count);
    for number in 0..count {
        // The reference refuses a line with nothing but a carriage return.
        if end == "\n" && rng.percent(15) {
            out.push_str(end);
        }
        if rng.percent(25) {
            let comment = words::comment(rng, number);
            out.push_str(&format!("#{comment}{end}"));
            text.comments.push(comment.trim().to_owned());
        }
        let mut key = words::name(rng, number);
        if number == marker {
            out.push_str(&format!("{key}={MARKER}{end}"));
            text.leaves.push(vec![Step::Key(key)]);
            continue;
        }
        if rng.percent(10) {
            key.insert_str(0, "export ");
        }
        let value = match rng.below(15) {
            12 => "${VAR} $(cmd) `x`".to_owned(),
            13 => "#hash".to_owned(),
            14 => "\t tab ".to_owned(),
            0 => String::new(),
            1 => "\"in quotes\"".to_owned(),
            2 => "'single'".to_owned(),
            3 => " blanks around ".to_owned(),
            4 => "two\\nlines".to_owned(),
            5 => "a=b=c".to_owned(),
            6 => "x # no comment".to_owned(),
            7 => "back\\slash \\t".to_owned(),
            8 => "ünïcödé 😀".to_owned(),
            9 => (*rng.pick(&["true", "12", "1.50", "null", "~"])).to_owned(),
            _ => words::secret(rng),
        };
        out.push_str(&format!("{key}={value}{end}"));
        if !key.contains(' ') {
            text.leaves.push(vec![Step::Key(key)]);
        }
    }
    if rng.percent(15) {
        out.truncate(out.len() - end.len());
    }
    text.bytes = out.into_bytes();
    text
}

/// Sections of `key = value` lines.
pub(crate) fn ini(rng: &mut Rng) -> Text {
    let end = if rng.percent(10) { "\r\n" } else { "\n" };
    let mut text = Text::default();
    let mut out = String::new();
    let sections = rng.between(0, 3);
    let mut number = 0;
    for section in 0..=sections {
        // Before the first header keys are in DEFAULT.
        let name = if section == 0 { "DEFAULT".to_owned() } else { format!("sec.{section} x") };
        if section > 0 {
            if rng.percent(25) {
                comment(rng, &mut text, &mut out, number + 100, end);
            }
            out.push_str(&format!("[{name}]{end}"));
        }
        let count = if section == sections { rng.between(1, 4) } else { rng.between(0, 4) };
        for at in 0..count {
            number += 1;
            let key = words::name(rng, number);
            if rng.percent(15) {
                comment(rng, &mut text, &mut out, number, end);
            }
            let value =
                if section == sections && at == 0 { MARKER.to_owned() } else { ini_value(rng) };
            let between = *rng.pick(&[" = ", "=", " : ", "   =  ", "= "]);
            out.push_str(&format!("{key}{between}{value}{end}"));
            text.leaves.push(vec![Step::Key(name.clone()), Step::Key(key)]);
            if rng.percent(10) {
                out.push_str(end);
            }
        }
    }
    text.bytes = out.into_bytes();
    text
}

fn ini_value(rng: &mut Rng) -> String {
    match rng.below(15) {
        11 => "\"\"\"with \"quotes\" in\"\"\"".to_owned(),
        12 => "/a/b?c=d&e=f".to_owned(),
        13 => "'it is \"so\"'".to_owned(),
        14 => "[not a section]".to_owned(),
        0 => String::new(),
        1 => "\"in quotes\"".to_owned(),
        2 => "'single'".to_owned(),
        3 => "`with # hash`".to_owned(),
        4 => "a = b : c".to_owned(),
        5 => "%(x)s".to_owned(),
        6 => "ünïcödé 😀".to_owned(),
        7 => "words with blanks".to_owned(),
        8 => (*rng.pick(&["true", "12", "1.50", "null", "~"])).to_owned(),
        _ => words::secret(rng),
    }
}

fn comment(rng: &mut Rng, text: &mut Text, out: &mut String, number: usize, end: &str) {
    let comment = words::comment(rng, number);
    out.push_str(&format!("{}{comment}{end}", rng.pick(&["; ", "# ", ";"])));
    text.comments.push(comment.trim().to_owned());
}

/// Anything at all, and the marker.
pub(crate) fn binary(rng: &mut Rng) -> Text {
    let mut bytes: Vec<u8> = match rng.below(3) {
        0 => (0..rng.between(0, 200)).map(|_| rng.next().to_le_bytes()[0]).collect(),
        1 => b"some: text\n# that is no YAML\n\t<&>\n".to_vec(),
        _ => "ünïcödé \u{2028} 😀 \0 \r\n".into(),
    };
    bytes.extend_from_slice(MARKER.as_bytes());
    bytes.push(b'\n');
    // Binary files have no paths to set.
    Text { bytes, ..Text::default() }
}
