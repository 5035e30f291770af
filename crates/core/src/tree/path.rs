//! A place in the tree, as users type it and as messages show it.
//!
//! The typed form is `["key"][0]['key']` (CLI §4.6). Upstream has no escapes, so a key cannot
//! hold `[` there; here a key between double quotes may use the escapes of a JSON string.

use std::fmt;

/// One step down from a container.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Into a mapping, by key.
    Key(String),
    /// Into a list, by position; comments do not count.
    Index(usize),
}

/// The way from a document's root to a node. Empty: the document itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Path(pub Vec<Step>);

/// Why a typed path could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Something other than `[` where a step should begin.
    #[error("expected '[' at character {0}")]
    NoStep(usize),
    /// The `]` is missing.
    #[error("the step that begins at character {0} is not closed by ']'")]
    NotClosed(usize),
    /// The quotes around a key are missing or do not match.
    #[error("the step at character {0} is neither a quoted key nor a position")]
    NotAStep(usize),
    /// A position below zero or beyond what fits.
    #[error("the position at character {0} is not a whole number from 0 up")]
    BadIndex(usize),
    /// A backslash sequence that JSON does not have.
    #[error("unknown escape in the key at character {0}")]
    BadEscape(usize),
}

impl fmt::Display for Path {
    /// The form that can be typed again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| write!(f, "{step}"))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => write!(f, "[{index}]"),
            Self::Key(key) => {
                write!(f, "[\"")?;
                for c in key.chars() {
                    match c {
                        '"' => write!(f, "\\\"")?,
                        '\\' => write!(f, "\\\\")?,
                        c if c.is_control() => write!(f, "\\u{:04x}", c as u32)?,
                        c => write!(f, "{c}")?,
                    }
                }
                write!(f, "\"]")
            }
        }
    }
}

impl Path {
    /// Reads a typed path. The empty text is the empty path.
    ///
    /// # Errors
    /// If a step is malformed; positions in messages count characters from 1.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let chars: Vec<char> = text.chars().collect();
        let mut steps = Vec::new();
        let mut at = 0;
        while at < chars.len() {
            if chars[at] != '[' {
                return Err(PathError::NoStep(at + 1));
            }
            let (step, next) = parse_step(&chars, at)?;
            steps.push(step);
            at = next;
        }
        Ok(Self(steps))
    }
}

/// Reads the step whose `[` is at `open`; gives it and the position behind its `]`.
fn parse_step(chars: &[char], open: usize) -> Result<(Step, usize), PathError> {
    let start = open + 1;
    match chars.get(start) {
        Some('"') => {
            let mut key = String::new();
            let mut at = start + 1;
            loop {
                match chars.get(at) {
                    None => return Err(PathError::NotClosed(open + 1)),
                    Some('"') if chars.get(at + 1) == Some(&']') => {
                        return Ok((Step::Key(key), at + 2));
                    }
                    Some('\\') => {
                        let (c, next) = parse_escape(chars, at)?;
                        key.push(c);
                        at = next;
                    }
                    Some(c) => {
                        key.push(*c);
                        at += 1;
                    }
                }
            }
        }
        Some('\'') => {
            let end = (start + 1..chars.len())
                .find(|at| chars[*at] == '\'' && chars.get(at + 1) == Some(&']'))
                .ok_or(PathError::NotClosed(open + 1))?;
            Ok((Step::Key(chars[start + 1..end].iter().collect()), end + 2))
        }
        _ => {
            let end = (start..chars.len())
                .find(|at| chars[*at] == ']')
                .ok_or(PathError::NotClosed(open + 1))?;
            let text: String = chars[start..end].iter().collect();
            if text.is_empty() || !text.chars().all(|c| c.is_ascii_digit() || c == '-' || c == '+')
            {
                return Err(PathError::NotAStep(open + 1));
            }
            let index = text.parse().map_err(|_| PathError::BadIndex(open + 1))?;
            Ok((Step::Index(index), end + 1))
        }
    }
}

/// Reads the escape whose backslash is at `at`. A backslash before any other character stands
/// for itself, as it always did in typed paths.
fn parse_escape(chars: &[char], at: usize) -> Result<(char, usize), PathError> {
    Ok(match chars.get(at + 1) {
        Some('"') => ('"', at + 2),
        Some('\\') => ('\\', at + 2),
        Some('u') => {
            let hex: String = chars.iter().skip(at + 2).take(4).collect();
            let code = u32::from_str_radix(&hex, 16).ok().filter(|_| hex.len() == 4);
            let c = code.and_then(char::from_u32).ok_or(PathError::BadEscape(at + 1))?;
            (c, at + 6)
        }
        _ => ('\\', at + 1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(key: &str) -> Step {
        Step::Key(key.to_owned())
    }

    #[test]
    fn both_quotes_and_positions_are_read() {
        let path = Path::parse("[\"a b\"][0]['c']").unwrap();
        assert_eq!(path.0, [key("a b"), Step::Index(0), key("c")]);
        assert_eq!(path.to_string(), "[\"a b\"][0][\"c\"]");
    }

    #[test]
    fn a_key_may_hold_brackets_and_quotes() {
        for odd in ["a[0]", "x\"y", "back\\slash", "tab\there"] {
            let path = Path(vec![key(odd)]);
            assert_eq!(Path::parse(&path.to_string()), Ok(path));
        }
        assert_eq!(Path::parse("['a[b']").unwrap().0, [key("a[b")]);
    }

    #[test]
    fn malformed_paths_are_named() {
        assert_eq!(Path::parse("a"), Err(PathError::NoStep(1)));
        assert_eq!(Path::parse("[\"a\"]b"), Err(PathError::NoStep(6)));
        assert_eq!(Path::parse("[\"a"), Err(PathError::NotClosed(1)));
        assert_eq!(Path::parse("[]"), Err(PathError::NotAStep(1)));
        assert_eq!(Path::parse("[a]"), Err(PathError::NotAStep(1)));
        assert_eq!(Path::parse("[-1]"), Err(PathError::BadIndex(1)));
    }
}
