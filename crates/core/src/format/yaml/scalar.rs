//! What a bare scalar means, and which text may stand bare.
//!
//! Types resolve as go-yaml v3 resolves them (format §7.1), since the MAC and the type tag of a
//! sealed value depend on it: YAML 1.2 booleans, YAML 1.1 octals, timestamps, underscores in
//! numbers.

use crate::tree::{Time, Value};

/// What a plain scalar is.
#[derive(Debug, PartialEq)]
pub(super) enum Resolved {
    /// A value other than text.
    Value(Value),
    /// Text.
    Text,
    /// A whole number above 2⁶³−1 that still fits 64 bits: SOPS has no type for it.
    Unsigned,
}

/// Resolves a plain scalar.
pub(super) fn resolve(text: &str) -> Resolved {
    let Some(first) = text.bytes().next() else {
        return Resolved::Value(Value::Null);
    };
    match first {
        b'~' | b'n' | b'N' => match text {
            "~" | "null" | "Null" | "NULL" => Resolved::Value(Value::Null),
            _ => Resolved::Text,
        },
        b't' | b'T' | b'f' | b'F' => match text {
            "true" | "True" | "TRUE" => Resolved::Value(Value::Bool(true)),
            "false" | "False" | "FALSE" => Resolved::Value(Value::Bool(false)),
            _ => Resolved::Text,
        },
        b'.' => special_float(text)
            .or_else(|| text.parse().ok().filter(|f: &f64| f.is_finite()))
            .map_or(Resolved::Text, |float| Resolved::Value(Value::Float(float))),
        b'+' | b'-' | b'0'..=b'9' => number_or_time(text),
        _ => Resolved::Text,
    }
}

fn special_float(text: &str) -> Option<f64> {
    match text.strip_prefix(['+', '-']).unwrap_or(text) {
        ".inf" | ".Inf" | ".INF" if text.starts_with('-') => Some(f64::NEG_INFINITY),
        ".inf" | ".Inf" | ".INF" => Some(f64::INFINITY),
        ".nan" | ".NaN" | ".NAN" if text.starts_with('.') => Some(f64::NAN),
        _ => None,
    }
}

fn number_or_time(text: &str) -> Resolved {
    if let Some(time) = timestamp(text) {
        return Resolved::Value(Value::Time(time));
    }
    if let Some(float) = special_float(text) {
        return Resolved::Value(Value::Float(float));
    }
    let plain: String = text.chars().filter(|c| *c != '_').collect();
    match integer(&plain) {
        Some(wide) => match i64::try_from(wide) {
            Ok(int) => return Resolved::Value(Value::Int(int)),
            // A sign rules the unsigned reading out.
            Err(_) if !plain.starts_with(['+', '-']) && u64::try_from(wide).is_ok() => {
                return Resolved::Unsigned;
            }
            Err(_) => {}
        },
        None if !looks_like_float(&plain) => return Resolved::Text,
        None => {}
    }
    if !looks_like_float(&plain) {
        return Resolved::Text;
    }
    // A number out of range stays text, as in the reference.
    plain
        .parse()
        .ok()
        .filter(|float: &f64| float.is_finite())
        .map_or(Resolved::Text, |float| Resolved::Value(Value::Float(float)))
}

/// An integer with an optional sign and one of the prefixes `0x`, `0o`, `0b`, `0` (octal).
fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.get(..2).map(str::to_ascii_lowercase);
    let (radix, digits) = match lower.as_deref() {
        Some("0x") => (16, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        _ if digits.len() > 1 && digits.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits),
    };
    // `from_str_radix` would take a second sign.
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let number = i128::from_str_radix(digits, radix).ok()?;
    Some(if negative { -number } else { number })
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn looks_like_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let mantissa_ok = match mantissa.split_once('.') {
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
        None => digits(mantissa),
    };
    mantissa_ok && exponent.is_none_or(|e| digits(e.strip_prefix(['+', '-']).unwrap_or(e)))
}

/// The four timestamp forms of format §7.1.
pub(super) fn timestamp(text: &str) -> Option<Time> {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || bytes[4] != b'-' || !bytes[..4].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut scan = Scan { rest: text };
    let year = scan.digits(4, 4)?;
    scan.eat("-")?;
    let month = scan.digits(1, 2)?;
    scan.eat("-")?;
    let day = scan.digits(1, 2)?;
    let date = (year as i16, month as i8, day as i8);
    if scan.rest.is_empty() {
        return Time::from_parts(date, (0, 0, 0, 0), 0);
    }
    let with_zone = if scan.eat(" ").is_some() {
        false
    } else {
        scan.eat("T").or_else(|| scan.eat("t"))?;
        true
    };
    let hour = scan.digits(1, 2)?;
    scan.eat(":")?;
    let minute = scan.digits(1, 2)?;
    scan.eat(":")?;
    let second = scan.digits(1, 2)?;
    let nanosecond = scan.fraction()?;
    let offset = if with_zone { scan.zone()? } else { 0 };
    if !scan.rest.is_empty() {
        return None;
    }
    Time::from_parts(date, (hour as i8, minute as i8, second as i8, nanosecond), offset)
}

struct Scan<'a> {
    rest: &'a str,
}

impl Scan<'_> {
    fn eat(&mut self, what: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(what)?;
        Some(())
    }

    fn digits(&mut self, least: usize, most: usize) -> Option<i32> {
        let count = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if count < least {
            return None;
        }
        let number = self.rest[..count].parse().ok()?;
        self.rest = &self.rest[count..];
        Some(number)
    }

    /// Nanoseconds; more than nine digits are cut.
    fn fraction(&mut self) -> Option<i32> {
        if self.eat(".").or_else(|| self.eat(",")).is_none() {
            return Some(0);
        }
        let count = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        if count == 0 {
            return None;
        }
        let text: String = self.rest[..count].chars().chain("000000000".chars()).take(9).collect();
        self.rest = &self.rest[count..];
        text.parse().ok()
    }

    fn zone(&mut self) -> Option<i16> {
        if self.eat("Z").is_some() {
            return Some(0);
        }
        let negative = if self.eat("-").is_some() {
            true
        } else {
            self.eat("+")?;
            false
        };
        let hours = self.digits(2, 2)?;
        self.eat(":")?;
        let minutes = self.digits(2, 2)?;
        if hours > 24 || minutes > 59 {
            return None;
        }
        let offset = (hours * 60 + minutes) as i16;
        Some(if negative { -offset } else { offset })
    }
}

/// The bare text of a value that is not text.
pub(super) fn bare(value: &Value) -> Option<String> {
    Some(match value {
        Value::Text(_) => return None,
        Value::Null => "null".to_owned(),
        Value::Bool(true) => "true".to_owned(),
        Value::Bool(false) => "false".to_owned(),
        Value::Int(int) => int.to_string(),
        Value::Float(float) => float_text(*float),
        Value::Time(time) => time.to_string(),
    })
}

/// A float as go-yaml prints it — shortest digits, an exponent from 10⁶ up and below 10⁻⁴ — but
/// always in a form that reads back as a float: `1.0`, not `1`.
pub(super) fn float_text(float: f64) -> String {
    if float.is_nan() {
        return ".nan".to_owned();
    }
    if float.is_infinite() {
        return if float > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let scientific = format!("{float:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let power: i32 = exponent.parse().unwrap_or(0);
    if float != 0.0 && !(-4..6).contains(&power) {
        let sign = if power < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", power.unsigned_abs());
    }
    let text = float.to_string();
    if text.contains('.') { text } else { format!("{text}.0") }
}

/// Whether `text` may stand bare and still be read as this very text, by go-yaml and by readers
/// of YAML 1.1 alike.
pub(super) fn may_stand_bare(text: &str, flow: bool) -> bool {
    shape_allows_bare(text, flow)
        && resolve(text) == Resolved::Text
        && !means_other_in_yaml_1_1(text)
}

/// Whether `text` would be taken for a value other than text if it stood bare.
pub(super) fn looks_like_other_type(text: &str) -> bool {
    resolve(text) != Resolved::Text || means_other_in_yaml_1_1(text)
}

fn shape_allows_bare(text: &str, flow: bool) -> bool {
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    if matches!(first, b' ' | b'\t') || matches!(last, b' ' | b'\t' | b':') {
        return false;
    }
    match first {
        b'-' | b'?' | b':' => {
            let next = bytes.get(1).copied().unwrap_or(b' ');
            if next == b' ' || next == b'\t' || (flow && b",[]{}".contains(&next)) {
                return false;
            }
        }
        b',' | b'[' | b']' | b'{' | b'}' | b'#' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\''
        | b'"' | b'%' | b'@' | b'`' => return false,
        _ => {}
    }
    if text == "---" || text == "..." || text.starts_with("--- ") || text.starts_with("... ") {
        return false;
    }
    let mut before = b' ';
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            0..=0x1F | 0x7F => return false,
            b'#' if matches!(before, b' ' | b'\t') => return false,
            b':' if matches!(bytes.get(at + 1), Some(b' ' | b'\t')) => return false,
            b':' if flow && bytes.get(at + 1).is_some_and(|next| b",[]{}".contains(next)) => {
                return false;
            }
            b',' | b'[' | b']' | b'{' | b'}' if flow => return false,
            _ => {}
        }
        before = *byte;
    }
    text.chars().all(is_printable)
}

/// Whether a character may stand unescaped in YAML; the two byte-order marks and the line breaks
/// beyond ASCII are left out on purpose.
pub(super) fn is_printable(c: char) -> bool {
    match c {
        '\t' | ' '..='~' => true,
        '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{FEFF}' => false,
        '\u{A0}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}' => true,
        _ => false,
    }
}

/// Words and numbers that readers of YAML 1.1 take for something else: booleans such as `yes`,
/// and numbers to the base 60 such as `1:30`.
fn means_other_in_yaml_1_1(text: &str) -> bool {
    const WORDS: [&str; 6] = ["y", "yes", "on", "n", "no", "off"];
    if text.len() <= 3 && WORDS.iter().any(|word| word.eq_ignore_ascii_case(text)) {
        return true;
    }
    text == "<<" || text == "=" || is_base_60(text)
}

/// `[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?`
fn is_base_60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digit_or_line = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let sixtieth = |part: &str| match part.as_bytes() {
        [digit] => digit.is_ascii_digit(),
        [b'0'..=b'5', digit] => digit.is_ascii_digit(),
        _ => false,
    };
    whole.split_once(':').is_some_and(|(head, rest)| {
        head.starts_with(|c: char| c.is_ascii_digit())
            && digit_or_line(head)
            && digit_or_line(fraction)
            && rest.split(':').all(sixtieth)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(int: i64) -> Resolved {
        Resolved::Value(Value::Int(int))
    }

    fn float(float: f64) -> Resolved {
        Resolved::Value(Value::Float(float))
    }

    #[test]
    fn plain_scalars_resolve_as_in_go_yaml() {
        // format §7.1, "scalar resolution"
        for (text, expected) in [
            ("", Resolved::Value(Value::Null)),
            ("Null", Resolved::Value(Value::Null)),
            ("nULL", Resolved::Text),
            ("TRUE", Resolved::Value(Value::Bool(true))),
            ("yes", Resolved::Text),
            ("on", Resolved::Text),
            ("017", int(15)),
            ("0o17", int(15)),
            ("0x1F", int(31)),
            ("-0b11", int(-3)),
            ("1_000", int(1000)),
            ("+5", int(5)),
            ("08", float(8.0)),
            ("1e3", float(1000.0)),
            ("1.", float(1.0)),
            (".5", float(0.5)),
            (".", Resolved::Text),
            ("1.2.3", Resolved::Text),
            ("-", Resolved::Text),
            ("1e999", Resolved::Text),
            ("9223372036854775807", int(i64::MAX)),
            ("-9223372036854775808", int(i64::MIN)),
            ("9223372036854775808", Resolved::Unsigned),
            ("18446744073709551616", float(18446744073709551616.0)),
            ("-9223372036854775809", float(-9223372036854775808.0)),
            ("-.INF", float(f64::NEG_INFINITY)),
            ("0x", Resolved::Text),
            ("-.nan", Resolved::Text),
        ] {
            assert_eq!(resolve(text), expected, "{text}");
        }
        assert!(matches!(resolve(".NaN"), Resolved::Value(Value::Float(f)) if f.is_nan()));
    }

    #[test]
    fn timestamps_take_four_forms() {
        for (text, time) in [
            ("2024-1-2", "2024-01-02T00:00:00Z"),
            ("2024-01-02T03:04:05.5+02:00", "2024-01-02T03:04:05.5+02:00"),
            ("2024-01-02t03:04:05Z", "2024-01-02T03:04:05Z"),
            ("2024-01-02 3:4:5", "2024-01-02T03:04:05Z"),
        ] {
            assert_eq!(timestamp(text).map(|t| t.to_string()).as_deref(), Some(time));
        }
        for text in ["2024-13-01", "2024-01-02 03:04:05Z", "24-01-02", "2024-01-02T03:04:05"] {
            assert_eq!(timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn floats_stay_floats() {
        for (value, text) in [
            (1.0, "1.0"),
            (2.5, "2.5"),
            (1e6, "1e+06"),
            (1.5e-10, "1.5e-10"),
            (0.0001, "0.0001"),
            (1e21, "1e+21"),
            (-0.0, "-0.0"),
            (f64::NEG_INFINITY, "-.inf"),
        ] {
            assert_eq!(float_text(value), text);
            assert_eq!(resolve(text), float(value));
        }
    }

    #[test]
    fn text_that_could_be_misread_does_not_stand_bare() {
        for text in [
            "yes",
            "1",
            "null",
            "1:30",
            "a: b",
            "a #b",
            "- a",
            "x:",
            " a",
            "*a",
            "",
            "a\nb",
            "=",
            "2024-01-02",
        ] {
            assert!(!may_stand_bare(text, false), "{text}");
        }
        for text in ["a b", "a:b", "a#b", "-a", "ENC[x,y]", "é", "a, b", "10.0.0.1", "12:ab"] {
            assert!(may_stand_bare(text, false), "{text}");
        }
        assert!(!may_stand_bare("a, b", true));
    }
}
