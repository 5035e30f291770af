//! S-expressions, in which gpg-agent keeps private keys: lists of atoms, in the canonical form
//! (`3:key`) and in the one for people (`#6b6579#`, `"key"`, `key`).

use zeroize::Zeroizing;

use super::packets::Broken;

/// Lists stand in lists so deep at most.
const DEEPEST: usize = 16;

/// A list or an atom. Atoms may be secret, so all of them are wiped.
pub(crate) enum Sexp {
    Atom(Zeroizing<Vec<u8>>),
    List(Vec<Sexp>),
}

impl Sexp {
    /// Reads one from the front; what follows it is ignored.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Broken> {
        let mut reader = Reader { bytes, at: 0 };
        reader.skip_blanks();
        match reader.expression(0)? {
            list @ Self::List(_) => Ok(list),
            Self::Atom(_) => Err(Broken),
        }
    }

    pub(crate) fn atom(&self) -> Option<&[u8]> {
        match self {
            Self::Atom(bytes) => Some(bytes),
            Self::List(_) => None,
        }
    }

    pub(crate) fn list(&self) -> Option<&[Sexp]> {
        match self {
            Self::Atom(_) => None,
            Self::List(items) => Some(items),
        }
    }

    /// The atom in front of a list.
    pub(crate) fn name(&self) -> Option<&[u8]> {
        self.list()?.first()?.atom()
    }

    /// Of the lists in this one, the one that starts with `name`.
    pub(crate) fn child(&self, name: &str) -> Option<&Sexp> {
        self.list()?.iter().find(|item| item.name() == Some(name.as_bytes()))
    }

    /// The atom behind `name`, in the list that starts with it.
    pub(crate) fn value(&self, name: &str) -> Option<&[u8]> {
        self.child(name)?.list()?.get(1)?.atom()
    }

    /// Writes it in the canonical form.
    pub(crate) fn write_canonical(&self, out: &mut Zeroizing<Vec<u8>>) {
        match self {
            Self::Atom(bytes) => {
                out.extend_from_slice(format!("{}:", bytes.len()).as_bytes());
                out.extend_from_slice(bytes);
            }
            Self::List(items) => {
                out.push(b'(');
                items.iter().for_each(|item| item.write_canonical(out));
                out.push(b')');
            }
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn expression(&mut self, depth: usize) -> Result<Sexp, Broken> {
        if self.peek() != Some(b'(') {
            return Ok(Sexp::Atom(self.atom()?));
        }
        if depth == DEEPEST {
            return Err(Broken);
        }
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.skip_blanks();
            if self.peek() == Some(b')') {
                self.at += 1;
                return Ok(Sexp::List(items));
            }
            items.push(self.expression(depth + 1)?);
        }
    }

    fn atom(&mut self) -> Result<Zeroizing<Vec<u8>>, Broken> {
        match self.peek().ok_or(Broken)? {
            b'0'..=b'9' => self.counted(),
            b'#' => self.hex(),
            b'"' => self.quoted(),
            _ => {
                let token = self.take_while(is_token);
                if token.is_empty() { Err(Broken) } else { Ok(Zeroizing::new(token.to_vec())) }
            }
        }
    }

    /// `3:key`.
    fn counted(&mut self) -> Result<Zeroizing<Vec<u8>>, Broken> {
        let digits = std::str::from_utf8(self.take_while(|byte| byte.is_ascii_digit()));
        let length: usize = digits.ok().and_then(|digits| digits.parse().ok()).ok_or(Broken)?;
        if self.peek() != Some(b':') {
            return Err(Broken);
        }
        let start = self.at + 1;
        let end = start.checked_add(length).ok_or(Broken)?;
        let bytes = self.bytes.get(start..end).ok_or(Broken)?;
        self.at = end;
        Ok(Zeroizing::new(bytes.to_vec()))
    }

    /// `#6b6579#`, with blanks anywhere.
    fn hex(&mut self) -> Result<Zeroizing<Vec<u8>>, Broken> {
        self.at += 1;
        let digits = self.take_while(|byte| byte != b'#');
        let mut bytes = Zeroizing::new(Vec::with_capacity(digits.len() / 2));
        let mut high = None;
        for byte in digits.iter().filter(|byte| !byte.is_ascii_whitespace()) {
            let digit = char::from(*byte).to_digit(16).ok_or(Broken)? as u8;
            match high.take() {
                Some(high) => bytes.push(high << 4 | digit),
                None => high = Some(digit),
            }
        }
        if high.is_some() || self.peek() != Some(b'#') {
            return Err(Broken);
        }
        self.at += 1;
        Ok(bytes)
    }

    /// `"key"`, with the escapes of C: libgcrypt writes the number 13 as `"\r"`.
    fn quoted(&mut self) -> Result<Zeroizing<Vec<u8>>, Broken> {
        self.at += 1;
        let mut bytes = Zeroizing::new(Vec::new());
        loop {
            match self.next()? {
                b'"' => return Ok(bytes),
                b'\\' => bytes.extend(self.escape()?),
                byte => bytes.push(byte),
            }
        }
    }

    /// What follows a backslash; nothing for a line end, which goes on in the next line.
    fn escape(&mut self) -> Result<Option<u8>, Broken> {
        Ok(Some(match self.next()? {
            b'b' => 8,
            b't' => b'\t',
            b'v' => 11,
            b'n' => b'\n',
            b'f' => 12,
            b'r' => b'\r',
            byte @ (b'"' | b'\'' | b'\\') => byte,
            b'x' => self.digits(2, 16)?,
            b'0'..=b'7' => {
                self.at -= 1;
                self.digits(3, 8)?
            }
            b'\n' => return Ok(None),
            _ => return Err(Broken),
        }))
    }

    /// A byte in so many digits.
    fn digits(&mut self, count: usize, radix: u32) -> Result<u8, Broken> {
        let mut value = 0;
        for _ in 0..count {
            value = value * radix + char::from(self.next()?).to_digit(radix).ok_or(Broken)?;
        }
        u8::try_from(value).map_err(|_| Broken)
    }

    fn next(&mut self) -> Result<u8, Broken> {
        let byte = self.peek().ok_or(Broken)?;
        self.at += 1;
        Ok(byte)
    }

    fn skip_blanks(&mut self) {
        self.take_while(|byte| byte.is_ascii_whitespace());
    }

    fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &[u8] {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().take_while(|byte| wanted(**byte)).count();
        self.at += length;
        &rest[..length]
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-./_:*+=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &[u8]) -> Option<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::new());
        Sexp::parse(text).ok()?.write_canonical(&mut out);
        Some(out.to_vec())
    }

    #[test]
    fn both_forms_are_the_same() {
        let one = b"(3:key(1:n2:\x00\x9f)(1:e0:))";
        let other = b" (key (n #00\n 9F#)\n(\"e\" \"\"))\ntrailing";
        assert_eq!(canonical(one).unwrap(), one);
        assert_eq!(canonical(other).unwrap(), one);
        assert_eq!(canonical(br#"(a "b\"\\c")"#).unwrap(), br#"(1:a4:b"\c)"#);
        // Seen in keys: a generator of 13.
        assert_eq!(canonical(br#"(g "\r")"#).unwrap(), b"(1:g1:\r)");
        let escapes = canonical(b"(\"\\b\\t\\v\\n\\f\\x0A\\377\\\n-\")").unwrap();
        assert_eq!(escapes, b"(8:\x08\t\x0b\n\x0c\n\xff-)");
    }

    #[test]
    fn values_are_found_by_name() {
        let key = Sexp::parse(b"(private-key (rsa (n #01#)(e #02#)))").unwrap();
        assert_eq!(key.name(), Some(&b"private-key"[..]));
        let rsa = key.child("rsa").unwrap();
        assert_eq!((rsa.value("e"), rsa.value("d")), (Some(&[2][..]), None));
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        let deep = [&b"("[..]; 17].concat();
        let huge = b"(99999999999999999999:x)";
        let texts: [&[u8]; 15] = [
            b"",
            b"x",
            b"(",
            b"(a",
            b"(9:a)",
            b"(#0#)",
            b"(#0g#)",
            b"(#00",
            b"(\"a",
            b"(3a)",
            b"(\"\\q\")",
            b"(\"\\400\")",
            b"(\"\\x0",
            &deep,
            huge,
        ];
        for text in texts {
            assert!(Sexp::parse(text).is_err(), "{text:?}");
        }
    }
}
