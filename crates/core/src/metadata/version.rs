//! Versions of SOPS: what we write, and which of two is newer (format §3.6, §8).

/// The version of SOPS whose format we write.
pub const VERSION: &str = "3.13.3";

/// The version that a document has after an edit: ours, unless its own is newer or says nothing
/// that could be compared.
///
/// No version at all, and the bare numbers of 1.x, count as old.
pub fn raised_version(written: &str) -> &str {
    match (key(written), key(VERSION)) {
        (Some(theirs), Some(ours)) if theirs >= ours => written,
        (None, _) if !written.trim().is_empty() => written,
        _ => VERSION,
    }
}

/// Whether a document claims to be written by a version before this one. No version at all counts
/// as old, and one that cannot be compared as new.
pub(crate) fn is_before(written: &str, numbers: [u64; 3]) -> bool {
    match key(written) {
        Some((theirs, release, _)) => (theirs, release) < (numbers, true),
        None => written.trim().is_empty(),
    }
}

/// Something that sorts as versions do; a pre-release sorts before its release.
fn key(text: &str) -> Option<([u64; 3], bool, &str)> {
    let text = text.trim();
    let text = text.strip_prefix('v').unwrap_or(text);
    let text = text.split('+').next().unwrap_or(text);
    let (numbers, pre) = text.split_once('-').map_or((text, ""), |(numbers, pre)| (numbers, pre));
    let mut parsed = [0; 3];
    for (index, number) in numbers.split('.').enumerate() {
        *parsed.get_mut(index)? = number.parse().ok()?;
    }
    Some((parsed, pre.is_empty(), pre))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_is_told_by_the_numbers() {
        for old in ["", "1", "1.6", "1.13.0", "v1.0", "2.0.0-rc.1"] {
            assert!(is_before(old, [2, 0, 0]), "{old}");
        }
        for new in ["2.0.0", "3.9.0", "some day"] {
            assert!(!is_before(new, [2, 0, 0]), "{new}");
        }
    }

    #[test]
    fn only_older_versions_are_raised() {
        for old in ["", "1", "1.6", "1.13.0", "2.0.9", "3.9.0", "3.13.1", "v3.13.2", "3.13.3-rc.1"]
        {
            assert_eq!(raised_version(old), VERSION, "{old}");
        }
        for kept in ["3.13.3", "3.13.10", "3.14.0-rc.1", "4.0.0", "v9", "some day", "1.2.3.4"] {
            assert_eq!(raised_version(kept), kept);
        }
    }
}
