//! What others said, in one line for a message.

#[cfg(any(
    feature = "aws",
    feature = "azure",
    feature = "gcp",
    feature = "http",
    feature = "keyservice"
))]
use std::error::Error;

/// Of a text that goes on and on, this much is repeated, in characters.
const LIMIT: usize = 1000;

/// The error and what it comes from, without repetitions.
#[cfg(any(feature = "azure", feature = "gcp", feature = "keyservice"))]
pub(crate) fn causes(error: &(dyn Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        let text = one_line(&error.to_string());
        if !text.is_empty() && !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
        cause = error.source();
    }
    parts.join(": ")
}

/// What it comes from alone, where the error itself only says that there is something; without
/// those that `says_nothing` is true for, unless nothing is left.
#[cfg(any(feature = "aws", feature = "http"))]
pub(crate) fn causes_behind(
    error: &(dyn Error + 'static),
    says_nothing: impl Fn(&(dyn Error + 'static)) -> bool,
) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = one_line(&error.to_string());
        let is_new = parts.last().is_none_or(|last| !last.contains(&text));
        if is_new && !text.is_empty() && !says_nothing(error) {
            parts.push(text);
        }
        cause = error.source();
    }
    if parts.is_empty() { one_line(&error.to_string()) } else { parts.join(": ") }
}

/// What comes from elsewhere has no say about lines and colours of a terminal.
pub(crate) fn one_line(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut shown = words.chars().filter(|c| !c.is_control());
    let mut line: String = shown.by_ref().take(LIMIT).collect();
    if shown.next().is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_somewhere_and_move_no_cursor() {
        assert_eq!(one_line(" a\n\tb\u{7} c "), "a b c");
        assert_eq!(one_line("\u{1b}[2Jgone\u{9b}31m"), "[2Jgone31m");
        let long = one_line(&"word ".repeat(1000));
        assert!(long.chars().count() == LIMIT + 1 && long.ends_with('…'), "{long}");
    }
}
