//! The kinds of scalar, their type tags and their canonical bytes (format §1.4).

use crate::crypto::SecretBytes;

/// A scalar.
#[derive(Clone, Debug)]
pub enum Value {
    /// Nothing; never sealed.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number of 64 bits.
    Int(i64),
    /// A number of double precision.
    Float(f64),
    /// An instant with its offset.
    Time(Time),
    /// Text, or any bytes.
    Text(SecretBytes),
}

impl PartialEq for Value {
    /// Compares kinds and values; not-a-number is the same value as itself here, since a document
    /// that holds it is the same document.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a == b || (a.is_nan() && b.is_nan()),
            (Self::Time(a), Self::Time(b)) => a == b,
            (Self::Text(a), Self::Text(b)) => a == b,
            _ => false,
        }
    }
}

/// The name in the `type:` part of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `str`
    Text,
    /// `int`
    Int,
    /// `float`
    Float,
    /// `bool`
    Bool,
    /// `time`
    Time,
    /// `comment`
    Comment,
    /// `bytes`: written by Python versions before 2.0 only; reads as text
    Bytes,
}

/// Why bytes are not a value of the kind that their token names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// The bytes do not spell a value of that kind.
    #[error("the decrypted bytes are not a value of type {0}")]
    NotOfKind(&'static str),
}

impl Kind {
    /// The name as it stands in a token.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "str",
            Self::Int => "int",
            Self::Float => "float",
            Self::Bool => "bool",
            Self::Time => "time",
            Self::Comment => "comment",
            Self::Bytes => "bytes",
        }
    }

    /// The kind with this name, if there is one.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        [Self::Text, Self::Int, Self::Float, Self::Bool, Self::Time, Self::Comment, Self::Bytes]
            .into_iter()
            .find(|kind| kind.name().as_bytes() == name)
    }
}

impl Value {
    /// A text value.
    pub fn text(text: impl Into<SecretBytes>) -> Self {
        Self::Text(text.into())
    }

    /// The kind, or `None` for null, which is never sealed.
    pub fn kind(&self) -> Option<Kind> {
        match self {
            Self::Null => None,
            Self::Bool(_) => Some(Kind::Bool),
            Self::Int(_) => Some(Kind::Int),
            Self::Float(_) => Some(Kind::Float),
            Self::Time(_) => Some(Kind::Time),
            Self::Text(_) => Some(Kind::Text),
        }
    }

    /// The bytes that are sealed and hashed (format §1.4); none for null. Those of a text are its
    /// own: a large document need not be copied to be hashed.
    pub fn canonical(&self) -> Canonical<'_> {
        let text = match self {
            Self::Null => String::new(),
            Self::Bool(true) => "True".to_owned(),
            Self::Bool(false) => "False".to_owned(),
            Self::Int(int) => int.to_string(),
            Self::Float(float) => float_text(*float),
            Self::Time(time) => time.to_string(),
            Self::Text(text) => return Canonical::Held(text),
        };
        Canonical::Made(SecretBytes::from(text))
    }

    /// Reads back what [`Value::canonical`] wrote, and the looser forms that older versions
    /// wrote (format §1.4, last column).
    ///
    /// # Errors
    /// If the bytes are not a value of `kind`; the message does not repeat them.
    pub fn from_canonical(kind: Kind, bytes: SecretBytes) -> Result<Self, ValueError> {
        let refused = || ValueError::NotOfKind(kind.name());
        if matches!(kind, Kind::Text | Kind::Comment | Kind::Bytes) {
            return Ok(Self::Text(bytes));
        }
        let text = bytes.expose_str().ok_or_else(refused)?;
        match kind {
            Kind::Int => text.parse().ok().map(Self::Int),
            Kind::Float => float_from_text(text).map(Self::Float),
            Kind::Bool => bool_from_text(text).map(Self::Bool),
            Kind::Time => Time::parse_rfc3339(text).map(Self::Time),
            Kind::Text | Kind::Comment | Kind::Bytes => None,
        }
        .ok_or_else(refused)
    }
}

/// What [`Value::canonical`] gives.
#[derive(Debug)]
pub enum Canonical<'v> {
    /// The value holds them.
    Held(&'v SecretBytes),
    /// They were made of the value.
    Made(SecretBytes),
}

impl Canonical<'_> {
    /// Hands out the bytes.
    pub fn expose(&self) -> &[u8] {
        match self {
            Self::Held(bytes) => bytes.expose(),
            Self::Made(bytes) => bytes.expose(),
        }
    }

    /// Hands out the text, if it is UTF-8.
    pub fn expose_str(&self) -> Option<&str> {
        std::str::from_utf8(self.expose()).ok()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }
}

impl From<Canonical<'_>> for SecretBytes {
    fn from(canonical: Canonical<'_>) -> Self {
        match canonical {
            Canonical::Held(bytes) => bytes.clone(),
            Canonical::Made(bytes) => bytes,
        }
    }
}

/// Shortest decimal that reads back to the same number, never with an exponent (format §1.4).
fn float_text(float: f64) -> String {
    if float.is_nan() {
        "NaN".to_owned()
    } else if float.is_infinite() {
        if float > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        // Rust prints floats in just that way.
        float.to_string()
    }
}

fn float_from_text(text: &str) -> Option<f64> {
    let float: f64 = text.parse().ok()?;
    let spelled =
        text.trim_start_matches(['+', '-']).starts_with(|c: char| c.is_ascii_alphabetic());
    (float.is_finite() || spelled).then_some(float)
}

/// The spellings that Go's `strconv.ParseBool` takes, plus the Python ones among them.
pub(crate) fn bool_from_text(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// An instant to the nanosecond with the offset it was written with.
///
/// `Display` gives RFC 3339 with as many fraction digits as needed and `Z` for offset zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    civil: jiff::civil::DateTime,
    offset_minutes: i16,
}

impl Time {
    /// Puts a time together from its parts; `None` where a part is out of range.
    pub fn from_parts(
        (year, month, day): (i16, i8, i8),
        (hour, minute, second, nanosecond): (i8, i8, i8, i32),
        offset_minutes: i16,
    ) -> Option<Self> {
        let civil =
            jiff::civil::DateTime::new(year, month, day, hour, minute, second, nanosecond).ok()?;
        (offset_minutes.unsigned_abs() < 24 * 60).then_some(Self { civil, offset_minutes })
    }

    /// The instant `seconds` after 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// `None` outside of the years −9999 to 9999.
    pub fn from_unix(seconds: i64) -> Option<Self> {
        let instant = jiff::Timestamp::from_second(seconds).ok()?;
        Some(Self { civil: jiff::tz::Offset::UTC.to_datetime(instant), offset_minutes: 0 })
    }

    /// Seconds since 1970-01-01T00:00:00Z, fraction dropped.
    pub fn unix(&self) -> i64 {
        jiff::tz::Offset::UTC
            .to_timestamp(self.civil)
            .map_or(0, |instant| instant.as_second() - i64::from(self.offset_minutes) * 60)
    }

    /// The same instant without its fraction of a second.
    pub fn whole_seconds(self) -> Self {
        let civil = self.civil.with().subsec_nanosecond(0).build().unwrap_or(self.civil);
        Self { civil, ..self }
    }

    /// Reads `YYYY-MM-DDThh:mm:ss[.f](Z|±hh:mm)`, as strictly as RFC 3339.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let number = |range: std::ops::Range<usize>| -> Option<i16> {
            let digits = bytes.get(range)?;
            let all = digits.iter().all(u8::is_ascii_digit);
            all.then(|| digits.iter().fold(0, |n, d| n * 10 + i16::from(d - b'0')))
        };
        let literal = |at: usize, any: &[u8]| bytes.get(at).filter(|b| any.contains(b)).map(|_| ());
        let date = (number(0..4)?, number(5..7)? as i8, number(8..10)? as i8);
        literal(4, b"-")?;
        literal(7, b"-")?;
        literal(10, b"Tt")?;
        let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
        literal(13, b":")?;
        literal(16, b":")?;
        let mut at = 19;
        let mut nanosecond = 0i32;
        if matches!(bytes.get(at), Some(b'.' | b',')) {
            let digits = bytes[at + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
            if digits == 0 {
                return None;
            }
            for place in 0..9 {
                let digit = if place < digits { bytes[at + 1 + place] - b'0' } else { 0 };
                nanosecond = nanosecond * 10 + i32::from(digit);
            }
            at += 1 + digits;
        }
        let offset = match bytes.get(at)? {
            b'Z' | b'z' if bytes.len() == at + 1 => 0,
            sign @ (b'+' | b'-') if bytes.len() == at + 6 => {
                literal(at + 3, b":")?;
                let (hours, minutes) = (number(at + 1..at + 3)?, number(at + 4..at + 6)?);
                if hours > 23 || minutes > 59 {
                    return None;
                }
                (hours * 60 + minutes) * if *sign == b'-' { -1 } else { 1 }
            }
            _ => return None,
        };
        Self::from_parts(date, (hour as i8, minute as i8, second as i8, nanosecond), offset)
    }
}

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let c = self.civil;
        write!(f, "{:04}-{:02}-{:02}", c.year(), c.month(), c.day())?;
        write!(f, "T{:02}:{:02}:{:02}", c.hour(), c.minute(), c.second())?;
        if c.subsec_nanosecond() != 0 {
            let fraction = format!("{:09}", c.subsec_nanosecond());
            write!(f, ".{}", fraction.trim_end_matches('0'))?;
        }
        match self.offset_minutes {
            0 => write!(f, "Z"),
            minutes => {
                let sign = if minutes < 0 { '-' } else { '+' };
                let minutes = minutes.unsigned_abs();
                write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_without_exponent() {
        // format §1.4
        for (float, text) in [
            (1.0, "1"),
            (1e21, "1000000000000000000000"),
            (1e-7, "0.0000001"),
            (-0.0, "-0"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(float_text(float), text);
        }
        assert_eq!(float_from_text("1e999"), None);
        assert_eq!(float_from_text("1e3"), Some(1000.0));
        assert_eq!(float_from_text("-Inf"), Some(f64::NEG_INFINITY));
    }

    #[test]
    fn not_a_number_is_itself() {
        assert_eq!(Value::Float(f64::NAN), Value::Float(f64::NAN));
        assert_ne!(Value::Float(1.0), Value::Int(1));
    }

    #[test]
    fn times_keep_their_offset_and_lose_trailing_zeros() {
        for (given, printed) in [
            ("2024-01-02T00:00:00Z", "2024-01-02T00:00:00Z"),
            ("2024-01-02T03:04:05.123400+02:00", "2024-01-02T03:04:05.1234+02:00"),
            ("2024-01-02T03:04:05+00:00", "2024-01-02T03:04:05Z"),
            ("2024-01-02T03:04:05-00:30", "2024-01-02T03:04:05-00:30"),
        ] {
            assert_eq!(Time::parse_rfc3339(given).map(|t| t.to_string()).as_deref(), Some(printed));
        }
        for refused in ["2024-13-02T00:00:00Z", "2024-02-30T00:00:00Z", "2024-01-02", "x"] {
            assert_eq!(Time::parse_rfc3339(refused), None);
        }
    }

    #[test]
    fn unix_seconds_go_both_ways() {
        let time = Time::parse_rfc3339("2024-05-06T07:08:09Z").unwrap();
        assert_eq!(time.unix(), 1_714_979_289);
        assert_eq!(Time::from_unix(1_714_979_289), Some(time));
        assert_eq!(Time::parse_rfc3339("2024-05-06T09:08:09+02:00").unwrap().unix(), time.unix());
    }
}
