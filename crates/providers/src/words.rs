//! What others said, in one line for a message.

use std::error::Error;

/// Of a text that goes on and on, this much is repeated, in characters.
const LIMIT: usize = 1000;

/// The error and what it comes from, without repetitions.
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

/// What comes from elsewhere has no say about lines and colours of a terminal.
pub(crate) fn one_line(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().filter(|c| !c.is_control()).take(LIMIT).collect()
}
