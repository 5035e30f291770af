//! Resource versions in few bytes: the index has three for each object.

use std::fmt;

/// A resource version. Clients compare it for being the same only. Every API server that there is
/// gives decimal numbers, which are kept as such; any other text is kept as it stands.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Version {
    Number(u64),
    Text(Box<str>),
}

impl Default for Version {
    fn default() -> Self {
        Self::Text(Box::default())
    }
}

impl From<&str> for Version {
    fn from(text: &str) -> Self {
        number(text).map_or_else(|| Self::Text(text.into()), Self::Number)
    }
}

/// `None` for what would not be printed as it came.
fn number(text: &str) -> Option<u64> {
    let plain = text == "0" || text.starts_with(|first: char| ('1'..='9').contains(&first));
    text.parse().ok().filter(|_| plain)
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_printed_as_it_came() {
        for text in ["0", "7", "18446744073709551615"] {
            assert!(matches!(Version::from(text), Version::Number(_)), "{text}");
            assert_eq!(Version::from(text).to_string(), text);
        }
        for text in ["", "07", "+7", "-7", "7 ", "7a", "18446744073709551616"] {
            assert!(matches!(Version::from(text), Version::Text(_)), "{text}");
            assert_eq!(Version::from(text).to_string(), text);
        }
        assert_ne!(Version::from("7"), Version::from("07"));
        assert_eq!(size_of::<Version>(), size_of::<Box<str>>());
    }
}
