//! The signature of requests by an access key, `SDK-HMAC-SHA256`.
//!
//! What is signed: the method, the path with a slash at its end, the query, the headers that are
//! named, and the hash of the body.

use std::fmt::Write as _;

use hmac::{Hmac, Mac as _};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest as _, Sha256};

use super::HuaweiCredentials;

/// A request, as far as its signature depends on it. Path and query hold nothing that would have to
/// be escaped.
pub(super) struct Signed<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) project: Option<&'a str>,
    pub(super) body: &'a [u8],
    /// Seconds since 1970.
    pub(super) time: u64,
}

impl Signed<'_> {
    /// The headers that were signed, and the signature. `None` if one of them cannot be sent.
    pub(super) fn headers(&self, credentials: &HuaweiCredentials) -> Option<HeaderMap> {
        let date = date(self.time);
        // In the order of their names.
        let mut signed: Vec<(&'static str, &[u8])> = Vec::new();
        signed.extend(self.project.map(|project| ("x-project-id", project.as_bytes())));
        signed.push(("x-sdk-date", date.as_bytes()));
        let token = credentials.security_token.as_ref();
        signed.extend(token.map(|token| ("x-security-token", token.expose())));

        let signature = self.sign(&signed, &date, credentials);
        let names = names(&signed);
        let authorization = format!(
            "SDK-HMAC-SHA256 Access={}, SignedHeaders={names}, Signature={signature}",
            credentials.access_key
        );
        let mut headers = HeaderMap::new();
        for (name, value) in signed.into_iter().chain([("authorization", authorization.as_bytes())])
        {
            let mut value = HeaderValue::from_bytes(value).ok()?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(name), value);
        }
        Some(headers)
    }

    fn sign(
        &self,
        signed: &[(&'static str, &[u8])],
        date: &str,
        credentials: &HuaweiCredentials,
    ) -> String {
        let slash = if self.path.ends_with('/') { "" } else { "/" };
        let mut canonical = Sha256::new();
        canonical.update(format!("{}\n{}{slash}\n{}\n", self.method, self.path, self.query));
        for (name, value) in signed {
            canonical.update(name);
            canonical.update(b":");
            canonical.update(value.trim_ascii());
            canonical.update(b"\n");
        }
        canonical.update(format!("\n{}\n{}", names(signed), hex(&Sha256::digest(self.body))));
        let text = format!("SDK-HMAC-SHA256\n{date}\n{}", hex(&canonical.finalize()));
        // Keys of any length are fine.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(credentials.secret_key.expose()) else {
            return String::new();
        };
        mac.update(text.as_bytes());
        hex(&mac.finalize().into_bytes())
    }
}

fn names(signed: &[(&'static str, &[u8])]) -> String {
    signed.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `20261122T003332Z`
fn date(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// Year, month and day of a number of days since 1970, by years that begin in March: then the day
/// that some years have more is the last one.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        // `date -u -d @N +%Y%m%dT%H%M%SZ`
        for (seconds, text) in [
            (0, "19700101T000000Z"),
            (951_782_400, "20000229T000000Z"),
            (1_795_307_612, "20261122T003332Z"),
            (4_107_542_399, "21000228T235959Z"),
            (4_107_542_400, "21000301T000000Z"),
        ] {
            assert_eq!(date(seconds), text);
        }
    }

    #[test]
    fn nothing_that_was_signed_can_be_changed() {
        let credentials = HuaweiCredentials {
            access_key: "ak".into(),
            secret_key: "sk".into(),
            security_token: None,
            project: None,
            source: "the test".into(),
        };
        let sign = |signed: Signed<'_>, credentials: &HuaweiCredentials| {
            let headers = signed.headers(credentials).unwrap();
            headers["authorization"].to_str().unwrap().to_owned()
        };
        let signed = || Signed {
            method: "POST",
            path: "/v1.0/p/kms/encrypt-data",
            query: "",
            project: Some("p"),
            body: b"{}",
            time: 1,
        };
        let first = sign(signed(), &credentials);
        let start = "SDK-HMAC-SHA256 Access=ak, SignedHeaders=x-project-id;x-sdk-date, Signature=";
        assert!(first.starts_with(start), "{first}");
        let with_token =
            HuaweiCredentials { security_token: Some("t".into()), ..credentials.clone() };
        let with_key = HuaweiCredentials { secret_key: "other".into(), ..credentials.clone() };
        for other in [
            sign(Signed { method: "GET", ..signed() }, &credentials),
            sign(Signed { path: "/v1.0/p/kms/decrypt-data", ..signed() }, &credentials),
            sign(Signed { query: "a=b", ..signed() }, &credentials),
            sign(Signed { project: Some("q"), ..signed() }, &credentials),
            sign(Signed { body: b"{ }", ..signed() }, &credentials),
            sign(Signed { time: 2, ..signed() }, &credentials),
            sign(signed(), &with_token),
            sign(signed(), &with_key),
        ] {
            assert_ne!(other, first);
        }
    }
}
