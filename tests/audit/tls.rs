//! TLS to the database, as `sslmode` has it.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use sops_tests::need;
use sops_tests::rig::postgres::{PASSWORD, ROLE, TLS_ONLY};

use super::place::{FILE, Place, table_backend};

#[test]
fn a_server_is_trusted_as_far_as_the_settings_say() {
    let (Some(place), Some(server)) = (Place::new(), need::postgres()) else { return };
    let authority = server.authority();
    let root = format!("sslrootcert={}", authority.display());
    let database = server.database();
    let connection = |host: &str, role: &str, parameters: &str| {
        let (port, name) = (server.port(), &database.name);
        let pairs = parameters.replace('&', " ");
        format!("host={host} port={port} user={role} password={PASSWORD} dbname={name} {pairs}")
    };
    for (host, role, parameters, words) in [
        // TLS is demanded unless something else is said, and is with whoever answers.
        ("127.0.0.1", TLS_ONLY, "", None),
        ("127.0.0.1", TLS_ONLY, "sslmode=require", None),
        ("127.0.0.1", TLS_ONLY, "sslmode=prefer", None),
        ("127.0.0.1", ROLE, "sslmode=disable", None),
        ("127.0.0.1", TLS_ONLY, "sslmode=disable", Some("pg_hba.conf rejects connection")),
        // The certificate is for 127.0.0.1.
        ("127.0.0.1", TLS_ONLY, &format!("sslmode=verify-full&{root}"), None),
        ("localhost", TLS_ONLY, &format!("sslmode=verify-ca&{root}"), None),
        ("localhost", TLS_ONLY, &format!("sslmode=require&{root}"), None),
        ("localhost", TLS_ONLY, &format!("sslmode=verify-full&{root}"), Some("certificate")),
        // Nobody else knows its authority.
        ("127.0.0.1", TLS_ONLY, "sslmode=verify-full", Some("certificate")),
        ("127.0.0.1", TLS_ONLY, "sslmode=verify-ca", Some("certificate")),
        ("127.0.0.1", TLS_ONLY, "sslrootcert=/absent.pem", Some("/absent.pem")),
        ("127.0.0.1", TLS_ONLY, "sslmode=strict", Some("sslmode is")),
    ] {
        let what = format!("{host} {role} {parameters}");
        let before = database.rows().len();
        let settings = table_backend(&connection(host, role, parameters));
        let outcome = place.sops_rs(&settings, &["decrypt", FILE]).run();
        place.assert_discreet(&outcome);
        match words {
            None => {
                assert_eq!(outcome.code(), Some(0), "{what}\n{outcome}");
                assert_eq!(database.rows().len(), before + 1, "{what}");
            }
            Some(words) => {
                assert_eq!(outcome.code(), Some(1), "{what}\n{outcome}");
                assert!(outcome.err().contains(words), "{what}\n{outcome}");
                place.secret.assert_not_printed(&outcome);
                assert_eq!(database.rows().len(), before, "{what}");
            }
        }
    }
}

#[test]
fn a_double_of_a_server_without_tls_is_told_nothing() {
    let Some(place) = Place::new() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let double = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // The request for TLS, of which "no" is an answer (PostgreSQL protocol, SSLRequest).
        let mut request = [0; 8];
        stream.read_exact(&mut request).unwrap();
        assert_eq!(request, [0, 0, 0, 8, 4, 210, 22, 47]);
        stream.write_all(b"N").unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        rest
    });
    let url = format!("postgres://{ROLE}:{PASSWORD}@127.0.0.1:{port}/x");
    let outcome = place.sops_rs(&table_backend(&url), &["decrypt", FILE]).run().fails_with(1);
    assert!(outcome.err().contains("server does not support TLS"), "{outcome}");
    place.secret.assert_not_printed(&outcome);
    place.assert_discreet(&outcome);
    assert_eq!(double.join().unwrap(), b"", "the server was told something");
}
