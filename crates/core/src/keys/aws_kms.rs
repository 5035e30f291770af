//! AWS KMS: a key or alias ARN, and how to reach it (format §4.1).

use std::collections::BTreeMap;

use super::{KeyFault, KeyKind, ParseKeyError};

const FORM: &str = "an ARN such as arn:aws:kms:REGION:ACCOUNT:key/ID or …:alias/NAME, and perhaps \
                    +arn:aws:iam::ACCOUNT:role/NAME behind it";

/// A key of AWS KMS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AwsKmsKey {
    /// The ARN of a key or an alias; multi-region keys are used verbatim.
    pub arn: String,
    /// The ARN of the role to assume before the key is asked.
    pub role: Option<String>,
    /// The encryption context: what was given when wrapping has to be given for opening.
    pub context: BTreeMap<String, String>,
    /// The profile of the shared configuration files that credentials come from.
    pub profile: Option<String>,
}

/// Why a text is not an encryption context.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AwsContextError {
    /// A part without exactly one colon.
    #[error("{0:?} is not one NAME:VALUE pair of an encryption context")]
    Pair(String),
    /// A name that occurs twice.
    #[error("the encryption context names {0:?} twice")]
    Repeated(String),
}

impl AwsKmsKey {
    /// Reads `ARN` or `ARN+ROLE-ARN`. Blanks are removed.
    ///
    /// # Errors
    /// If there is no ARN of a KMS key or alias.
    pub fn parse(text: &str) -> Result<Self, ParseKeyError> {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let (arn, role) = match text.find("+arn:") {
            Some(at) => (&text[..at], Some(text[at + 1..].to_owned())),
            None => (text.as_str(), None),
        };
        let refused = || ParseKeyError::new(KeyKind::AwsKms, &text, KeyFault::Form(FORM));
        region_of(arn).ok_or_else(refused)?;
        if role.as_deref().is_some_and(|role| !is_role(role)) {
            return Err(refused());
        }
        Ok(Self { arn: arn.to_owned(), role, context: BTreeMap::new(), profile: None })
    }

    /// The region in the ARN, which is always the one that is asked (format §4.1).
    ///
    /// # Errors
    /// If the ARN, which may come from a file, is not that of a KMS key or alias.
    pub fn region(&self) -> Result<&str, ParseKeyError> {
        region_of(&self.arn)
            .ok_or_else(|| ParseKeyError::new(KeyKind::AwsKms, &self.arn, KeyFault::Form(FORM)))
    }

    /// `arn[+role]`, then `|k:v,k2:v2` if there is a context, then `|profile` if there is one.
    /// A profile without context leaves an empty part between.
    pub fn identity(&self) -> String {
        let mut text = self.arn.clone();
        if let Some(role) = &self.role {
            text.push('+');
            text.push_str(role);
        }
        let pairs: Vec<_> = self.context.iter().map(|(k, v)| format!("{k}:{v}")).collect();
        match (&self.profile, pairs.is_empty()) {
            (None, true) => {}
            (None, false) => text.push_str(&format!("|{}", pairs.join(","))),
            (Some(profile), _) => text.push_str(&format!("|{}|{profile}", pairs.join(","))),
        }
        text
    }
}

/// Reads `NAME:VALUE,NAME:VALUE`, as `--encryption-context` takes it.
///
/// # Errors
/// If a part has not exactly one colon (exit status 6 in the reference), or a name comes twice.
pub fn parse_encryption_context(text: &str) -> Result<BTreeMap<String, String>, AwsContextError> {
    let mut context = BTreeMap::new();
    for part in text.split(',').filter(|_| !text.trim().is_empty()) {
        let pair = || AwsContextError::Pair(part.trim().to_owned());
        let (name, value) = part.split_once(':').ok_or_else(pair)?;
        if value.contains(':') || name.trim().is_empty() {
            return Err(pair());
        }
        let name = name.trim().to_owned();
        if context.insert(name.clone(), value.trim().to_owned()).is_some() {
            return Err(AwsContextError::Repeated(name));
        }
    }
    Ok(context)
}

/// The region of `arn:aws…:kms:REGION:ACCOUNT:(key|alias)/…`.
fn region_of(arn: &str) -> Option<&str> {
    let mut fields = arn.splitn(6, ':');
    let (scheme, partition, service) = (fields.next()?, fields.next()?, fields.next()?);
    let (region, account, resource) = (fields.next()?, fields.next()?, fields.next()?);
    let word = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    let named = ["key/", "alias/"].iter().find_map(|prefix| resource.strip_prefix(prefix));
    let fits = scheme == "arn"
        && partition.starts_with("aws")
        && word(partition)
        && service == "kms"
        // The region becomes part of a host name. The reference takes any text here; a dot or a
        // slash would send the request, and with it the credentials' name, to another host.
        && !region.is_empty()
        && region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !account.is_empty()
        && account.bytes().all(|b| b.is_ascii_digit())
        && named.is_some_and(|name| !name.is_empty());
    fits.then_some(region)
}

fn is_role(arn: &str) -> bool {
    let fields: Vec<_> = arn.splitn(6, ':').collect();
    matches!(fields[..], ["arn", partition, "iam", _, account, resource]
        if partition.starts_with("aws") && !account.is_empty() && resource.starts_with("role/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:kms:us-east-1:111122223333:key/00000001-0000-4000-8000-000000000001";
    const ROLE: &str = "arn:aws:iam::123456789012:role/sops";

    #[test]
    fn key_alias_and_role_are_read() {
        let key = AwsKmsKey::parse(&format!(" {ARN} + {ROLE}").replace(" + ", "+")).unwrap();
        assert_eq!((key.arn.as_str(), key.role.as_deref()), (ARN, Some(ROLE)));
        assert_eq!(key.region().unwrap(), "us-east-1");
        for arn in [
            "arn:aws-cn:kms:cn-north-1:111122223333:alias/a/b",
            "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/mrk-aaaa",
        ] {
            assert_eq!(AwsKmsKey::parse(arn).unwrap().identity(), arn);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "arn:aws",
            "arn:aws:kms:us-east-1:111122223333:thing/x",
            "arn:aws:kms:us-east-1:111122223333:key/",
            "arn:aws:kms::111122223333:key/x",
            "arn:aws:kms:us-east-1.example.com/:111122223333:key/x",
            "arn:aws:kms:us-east-1:account:key/x",
            "arn:aws:s3:us-east-1:111122223333:key/x",
            &format!("{ARN}+arn:aws:iam::1:user/x"),
        ] {
            let error = AwsKmsKey::parse(text).unwrap_err();
            assert!(matches!(error.fault, KeyFault::Form(_)), "{text}");
        }
    }

    #[test]
    fn identities_follow_the_format() {
        // format §4.1
        let mut key = AwsKmsKey::parse(ARN).unwrap();
        assert_eq!(key.identity(), ARN);
        key.profile = Some("p".into());
        assert_eq!(key.identity(), format!("{ARN}||p"));
        key.context = parse_encryption_context("env:prod, app:x").unwrap();
        assert_eq!(key.identity(), format!("{ARN}|app:x,env:prod|p"));
        key.profile = None;
        assert_eq!(key.identity(), format!("{ARN}|app:x,env:prod"));
        key.role = Some(ROLE.into());
        assert_eq!(key.identity(), format!("{ARN}+{ROLE}|app:x,env:prod"));
    }

    #[test]
    fn contexts_are_pairs() {
        assert_eq!(parse_encryption_context("").unwrap(), BTreeMap::new());
        for text in ["env", "a:b:c", "a:b,", ":x"] {
            assert!(matches!(parse_encryption_context(text), Err(AwsContextError::Pair(_))));
        }
        let twice = parse_encryption_context("a:1,a:2");
        assert_eq!(twice, Err(AwsContextError::Repeated("a".into())));
    }
}
