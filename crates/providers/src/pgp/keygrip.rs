//! Keygrips: the names under which gpg-agent keeps private keys. A hash over the public half,
//! which says nothing of OpenPGP, so that other protocols can use the same key.
//!
//! Which bytes are hashed is known from libgcrypt, and held against `gpg --with-keygrip` in tests.

use sha1::{Digest as _, Sha1};

use super::packets::{take, take_mpi, trimmed};
use super::sexp::Sexp;

/// A keygrip.
pub(crate) type Grip = [u8; 20];

/// The public half of a key, without what OpenPGP adds. Numbers have no zeros in front.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PublicPart {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Elgamal { p: Vec<u8>, g: Vec<u8>, y: Vec<u8> },
    Dsa { p: Vec<u8>, q: Vec<u8>, g: Vec<u8>, y: Vec<u8> },
    Curve { curve: &'static Curve, point: Vec<u8> },
}

/// An elliptic curve, with numbers in hexadecimal digits.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Curve {
    /// As libgcrypt writes it first.
    name: &'static str,
    oid: &'static str,
    p: &'static str,
    a: &'static str,
    b: &'static str,
    g: &'static str,
    n: &'static str,
}

impl PublicPart {
    /// Reads the public key of version 4 in front of a packet's body, and says how long it is
    /// (RFC 9580 §5.5.2).
    pub(crate) fn of_packet(body: &[u8]) -> Option<(Self, usize)> {
        let mut rest = body;
        let (version, algorithm) = (take(&mut rest, 5)?[0], take(&mut rest, 1)?[0]);
        if version != 4 {
            return None;
        }
        let mut number = || take_mpi(&mut rest).map(|number| trimmed(number).to_vec());
        let public = match algorithm {
            1..=3 => Self::Rsa { n: number()?, e: number()? },
            16 | 20 => Self::Elgamal { p: number()?, g: number()?, y: number()? },
            17 => Self::Dsa { p: number()?, q: number()?, g: number()?, y: number()? },
            18 | 19 | 22 => {
                let length = usize::from(take(&mut rest, 1)?[0]);
                let oid = hex(take(&mut rest, length)?);
                let curve = CURVES.iter().find(|curve| curve.oid == oid)?;
                let point = take_mpi(&mut rest)?.to_vec();
                if algorithm == 18 {
                    // How keys are derived: a field with its length before it.
                    let length = usize::from(take(&mut rest, 1)?[0]);
                    take(&mut rest, length)?;
                }
                Self::Curve { curve, point }
            }
            _ => return None,
        };
        Some((public, body.len() - rest.len()))
    }

    /// Reads `(rsa (n …)(e …)…)` and its like; other fields in it are ignored.
    pub(crate) fn of_sexp(key: &Sexp) -> Option<Self> {
        let number = |name| key.value(name).map(|number| trimmed(number).to_vec());
        match key.name()? {
            b"rsa" | b"openpgp-rsa" => Some(Self::Rsa { n: number("n")?, e: number("e")? }),
            b"elg" | b"openpgp-elg" | b"openpgp-elg-sig" => {
                Some(Self::Elgamal { p: number("p")?, g: number("g")?, y: number("y")? })
            }
            b"dsa" | b"openpgp-dsa" => {
                let (p, q) = (number("p")?, number("q")?);
                Some(Self::Dsa { p, q, g: number("g")?, y: number("y")? })
            }
            b"ecc" | b"ecdh" | b"ecdsa" | b"eddsa" => {
                let name = key.value("curve")?;
                let curve = CURVES.iter().find(|curve| curve.name.as_bytes() == name)?;
                Some(Self::Curve { curve, point: key.value("q")?.to_vec() })
            }
            _ => None,
        }
    }

    /// The keygrip.
    pub(crate) fn grip(&self) -> Grip {
        let mut hash = Sha1::new();
        match self {
            // The number itself, with nothing around it.
            Self::Rsa { n, .. } => hash.update(signed(n)),
            Self::Elgamal { p, g, y } => {
                for (name, number) in [("p", p), ("g", g), ("y", y)] {
                    element(&mut hash, name, &signed(number));
                }
            }
            Self::Dsa { p, q, g, y } => {
                for (name, number) in [("p", p), ("q", q), ("g", g), ("y", y)] {
                    element(&mut hash, name, &signed(number));
                }
            }
            Self::Curve { curve, point } => {
                let Curve { p, a, b, g, n, .. } = curve;
                for (name, number) in [("p", p), ("a", a), ("b", b), ("g", g), ("n", n)] {
                    element(&mut hash, name, &unhex(number));
                }
                // What marks a point that is one coordinate only is left out.
                element(&mut hash, "q", point.strip_prefix(&[0x40]).unwrap_or(point));
            }
        }
        hash.finalize().into()
    }
}

/// Hashes `(1:n3:…)`.
fn element(hash: &mut Sha1, name: &str, number: &[u8]) {
    hash.update(format!("(1:{name}{}:", number.len()));
    hash.update(number);
    hash.update(")");
}

/// With a zero in front where the first bit would look like a sign.
fn signed(number: &[u8]) -> Vec<u8> {
    let zero = number.first().is_some_and(|byte| *byte >= 0x80);
    [&[0][..usize::from(zero)], number].concat()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Digits of the table below, which are well-formed.
fn unhex(digits: &str) -> Vec<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap_or_default() as u8;
    digits.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

/// The curves of GnuPG 2.2: RFC 7748, FIPS 186-4, RFC 5639, SEC 2. Where a parameter is negative
/// (Ed25519), libgcrypt hashes what stands behind the sign.
static CURVES: [Curve; 9] = [
    Curve {
        name: "Curve25519",
        oid: "2b060104019755010501",
        p: "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed",
        a: "01db41",
        b: "01",
        g: "04000000000000000000000000000000000000000000000000000000000000000920ae19a1b8a086\
            b4e01edd2c7748d14c923d4d7e6d7c61b229e9c5a27eced3d9",
        n: "1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed",
    },
    Curve {
        name: "Ed25519",
        oid: "2b06010401da470f01",
        p: "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed",
        a: "01",
        b: "2dfc9311d490018c7338bf8688861767ff8ff5b2bebe27548a14b235eca6874a",
        g: "04216936d3cd6e53fec0a4e231fdd6dc5c692cc7609525a7b2c9562d608f25d51a66666666666666\
            66666666666666666666666666666666666666666666666658",
        n: "1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed",
    },
    Curve {
        name: "NIST P-256",
        oid: "2a8648ce3d030107",
        p: "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
        a: "ffffffff00000001000000000000000000000000fffffffffffffffffffffffc",
        b: "5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b",
        g: "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f\
            9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
        n: "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
    },
    Curve {
        name: "NIST P-384",
        oid: "2b81040022",
        p: "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff00000000\
            00000000ffffffff",
        a: "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff00000000\
            00000000fffffffc",
        b: "b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d\
            2a85c8edd3ec2aef",
        g: "04aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf5529\
            6c3a545e3872760ab73617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8\
            c00a60b1ce1d7e819d7a431d7c90ea0e5f",
        n: "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77a\
            ecec196accc52973",
    },
    Curve {
        name: "NIST P-521",
        oid: "2b81040023",
        p: "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\
            ffffffffffffffffffffffffffffffffffffffffffffffffffff",
        a: "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\
            fffffffffffffffffffffffffffffffffffffffffffffffffffc",
        b: "51953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e93\
            7b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00",
        g: "0400c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77ef\
            e75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66011839296a789a3bc0045c8a5f\
            b42c7d1bd998f54449579b446817afbd17273e662c97ee72995ef42640c550b9013fad0761353c70\
            86a272c24088be94769fd16650",
        n: "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f\
            966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
    },
    Curve {
        name: "brainpoolP256r1",
        oid: "2b2403030208010107",
        p: "a9fb57dba1eea9bc3e660a909d838d726e3bf623d52620282013481d1f6e5377",
        a: "7d5a0975fc2c3057eef67530417affe7fb8055c126dc5c6ce94a4b44f330b5d9",
        b: "26dc5c6ce94a4b44f330b5d9bbd77cbf958416295cf7e1ce6bccdc18ff8c07b6",
        g: "048bd2aeb9cb7e57cb2c4b482ffc81b7afb9de27e1e3bd23c23a4453bd9ace3262547ef835c3dac4\
            fd97f8461a14611dc9c27745132ded8e545c1d54c72f046997",
        n: "a9fb57dba1eea9bc3e660a909d838d718c397aa3b561a6f7901e0e82974856a7",
    },
    Curve {
        name: "brainpoolP384r1",
        oid: "2b240303020801010b",
        p: "8cb91e82a3386d280f5d6f7e50e641df152f7109ed5456b412b1da197fb71123acd3a729901d1a71\
            874700133107ec53",
        a: "7bc382c63d8c150c3c72080ace05afa0c2bea28e4fb22787139165efba91f90f8aa5814a503ad4eb\
            04a8c7dd22ce2826",
        b: "04a8c7dd22ce28268b39b55416f0447c2fb77de107dcd2a62e880ea53eeb62d57cb4390295dbc994\
            3ab78696fa504c11",
        g: "041d1c64f068cf45ffa2a63a81b7c13f6b8847a3e77ef14fe3db7fcafe0cbd10e8e826e03436d646\
            aaef87b2e247d4af1e8abe1d7520f9c2a45cb1eb8e95cfd55262b70b29feec5864e19c054ff99129\
            280e4646217791811142820341263c5315",
        n: "8cb91e82a3386d280f5d6f7e50e641df152f7109ed5456b31f166e6cac0425a7cf3ab6af6b7fc310\
            3b883202e9046565",
    },
    Curve {
        name: "brainpoolP512r1",
        oid: "2b240303020801010d",
        p: "aadd9db8dbe9c48b3fd4e6ae33c9fc07cb308db3b3c9d20ed6639cca703308717d4d9b009bc66842\
            aecda12ae6a380e62881ff2f2d82c68528aa6056583a48f3",
        a: "7830a3318b603b89e2327145ac234cc594cbdd8d3df91610a83441caea9863bc2ded5d5aa8253aa1\
            0a2ef1c98b9ac8b57f1117a72bf2c7b9e7c1ac4d77fc94ca",
        b: "3df91610a83441caea9863bc2ded5d5aa8253aa10a2ef1c98b9ac8b57f1117a72bf2c7b9e7c1ac4d\
            77fc94cadc083e67984050b75ebae5dd2809bd638016f723",
        g: "0481aee4bdd82ed9645a21322e9c4c6a9385ed9f70b5d916c1b43b62eef4d0098eff3b1f78e2d0d4\
            8d50d1687b93b97d5f7c6d5047406a5e688b352209bcb9f8227dde385d566332ecc0eabfa9cf7822\
            fdf209f70024a57b1aa000c55b881f8111b2dcde494a5f485e5bca4bd88a2763aed1ca2b2fa8f054\
            0678cd1e0f3ad80892",
        n: "aadd9db8dbe9c48b3fd4e6ae33c9fc07cb308db3b3c9d20ed6639cca70330870553e5c414ca92619\
            418661197fac10471db1d381085ddaddb58796829ca90069",
    },
    Curve {
        name: "secp256k1",
        oid: "2b8104000a",
        p: "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f",
        a: "",
        b: "07",
        g: "0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798483ada7726a3c4\
            655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8",
        n: "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_written_in_whole_bytes() {
        for curve in &CURVES {
            for number in [curve.oid, curve.p, curve.a, curve.b, curve.g, curve.n] {
                assert_eq!(hex(&unhex(number)), number, "{}", curve.name);
            }
        }
    }

    #[test]
    fn packet_and_expression_give_the_same() {
        let expression = Sexp::parse(b"(rsa (n #00c1#)(e #03#)(d #05#))").unwrap();
        let packet = [4, 0, 0, 0, 0, 1, 0, 8, 0xc1, 0, 2, 3];
        let secret = [&packet[..], &[0, 1, 2]].concat();
        let (public, length) = PublicPart::of_packet(&secret).unwrap();
        assert_eq!((PublicPart::of_sexp(&expression), length), (Some(public), packet.len()));
        assert_eq!(PublicPart::of_packet(&packet[..11]), None);
    }
}
