//! UIDs in few bytes: the index has five for each object.

use std::fmt;

/// A UID. Those that Kubernetes gives are UUIDs (RFC 9562) in lower case, and are kept as their 16
/// bytes; any other text is kept as it stands.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum Uid {
    Uuid([u8; 16]),
    Text(Box<str>),
}

/// Where the hyphens of a UUID stand.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];
const LENGTH: usize = 36;

impl Default for Uid {
    fn default() -> Self {
        Self::Text(Box::default())
    }
}

impl From<&str> for Uid {
    fn from(text: &str) -> Self {
        bytes(text.as_bytes()).map_or_else(|| Self::Text(text.into()), Self::Uuid)
    }
}

impl From<&Self> for Uid {
    fn from(uid: &Self) -> Self {
        uid.clone()
    }
}

impl PartialEq<str> for Uid {
    fn eq(&self, text: &str) -> bool {
        match self {
            Self::Text(own) => **own == *text,
            Self::Uuid(own) => bytes(text.as_bytes()) == Some(*own),
        }
    }
}

/// `None` for what would not be printed as it came.
fn bytes(text: &[u8]) -> Option<[u8; 16]> {
    if text.len() != LENGTH || HYPHENS.iter().any(|&at| text[at] != b'-') {
        return None;
    }
    let mut digits = text.iter().enumerate().filter(|(at, _)| !HYPHENS.contains(at));
    let mut digit = || match digits.next()?.1 {
        digit @ b'0'..=b'9' => Some(digit - b'0'),
        digit @ b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; 16];
    for byte in &mut bytes {
        *byte = (digit()? << 4) | digit()?;
    }
    Some(bytes)
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Uuid(bytes) => bytes.iter().enumerate().try_for_each(|(at, byte)| {
                let hyphen = if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" };
                write!(f, "{hyphen}{byte:02x}")
            }),
        }
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_printed_as_it_came() {
        let uuid = "0f3c2d1e-9a8b-4c7d-8e6f-0123456789ab";
        assert!(matches!(Uid::from(uuid), Uid::Uuid([0x0f, 0x3c, .., 0xab])));
        let odd = [
            "",
            "me",
            "0F3C2D1E-9A8B-4C7D-8E6F-0123456789AB",
            "0f3c2d1e-9a8b-4c7d-8e6f-0123456789a",
            "0f3c2d1e-9a8b-4c7d-8e6f-0123456789abc",
            "0f3c2d1e09a8b-4c7d-8e6f-0123456789ab",
            "0f3c2d1e-9a8b-4c7d-8e6f-0123456789ag",
            "0f3c2d1e-9a8b-4c7d-8e6f--123456789ab",
        ];
        for text in odd {
            assert!(matches!(Uid::from(text), Uid::Text(_)), "{text}");
        }
        for text in odd.into_iter().chain([uuid]) {
            let uid = Uid::from(text);
            assert_eq!(uid.to_string(), text);
            assert!(uid == *text && uid != *"other");
        }
    }
}
