//! The table of SOPS, as Go sops fills it.

use std::path::Path;

use sops_tests::need;
use sops_tests::rig::postgres::{PASSWORD, ROLE};
use sops_tests::run::{Outcome, Run};

use super::place::{FILE, Place, table_backend};

const NO_TLS: &str = "sslmode=disable";

/// A command that both programs know.
struct Case {
    words: &'static [&'static str],
    input: Option<&'static str>,
    /// `EDITOR`
    editor: &'static str,
}

const fn case(words: &'static [&'static str]) -> Case {
    Case { words, input: None, editor: "true" }
}

const CASES: &[Case] = &[
    case(&["decrypt", FILE]),
    case(&["-d", FILE]),
    case(&["decrypt", "-i", FILE]),
    case(&["decrypt", "--extract", "[\"other\"]", FILE]),
    case(&["encrypt", "clear.yaml"]),
    case(&["encrypt", "-i", "clear.yaml"]),
    Case {
        input: Some("a: 1\n"),
        ..case(&[
            "encrypt",
            "--filename-override",
            "x.yaml",
            "--input-type",
            "yaml",
            "--output-type",
            "yaml",
        ])
    },
    case(&["set", FILE, "[\"other\"]", "2"]),
    case(&["unset", FILE, "[\"other\"]"]),
    case(&["rotate", FILE]),
    case(&["rotate", "-i", FILE]),
    case(&["exec-env", FILE, "true"]),
    case(&["exec-file", FILE, "true"]),
    case(&["exec-env", FILE, "exit 3"]),
    case(&["edit", FILE]),
    Case { editor: "sed -i s/other/another/", ..case(&["edit", FILE]) },
    Case { editor: "sed -i s/hello/bye/", ..case(&["edit", "new.yaml"]) },
    case(&["filestatus", FILE]),
    case(&["updatekeys", "-y", FILE]),
    case(&["decrypt", "absent.yaml"]),
    case(&["decrypt", "clear.yaml"]),
    case(&["encrypt", FILE]),
    case(&["--version"]),
];

#[test]
fn both_programs_leave_the_same_rows() {
    let (Some(place), Some(server), Some(peer)) = (Place::new(), need::postgres(), need::peer())
    else {
        return;
    };
    for Case { words, input, editor } in CASES {
        let rows = |program: &Path| {
            let database = server.database();
            place.restore();
            place.scratch.write("clear.yaml", "word: 1\n");
            let _ = std::fs::remove_file(place.scratch.at("new.yaml"));
            let run = Run::peer(program, *words).input(input.unwrap_or_default());
            let settings = table_backend(&database.url(ROLE, NO_TLS));
            let outcome = place.audited(run, &settings).env("EDITOR", editor).run();
            place.assert_discreet(&outcome);
            (outcome.code(), database.rows(), outcome)
        };
        let (ours, theirs) = (rows(&sops_tests::run::sops_rs_binary()), rows(&peer));
        assert_eq!(ours.0, theirs.0, "{words:?}\n{}\n{}", ours.2, theirs.2);
        assert_eq!(ours.1, theirs.1, "{words:?}");
    }
}

#[test]
fn rows_name_action_user_and_file() {
    let (Some(place), Some(server)) = (Place::new(), need::postgres()) else { return };
    let database = server.database();
    let settings = table_backend(&database.url(ROLE, NO_TLS));
    let run = |words: &[&str]| place.sops_rs(&settings, words).run().success();
    run(&["decrypt", FILE]);
    run(&["rotate", "-i", FILE]);
    place
        .sops_rs(&settings, &["decrypt", "--input-type", "yaml", "--output-type", "yaml", "-"])
        .input(place.scratch.read(FILE))
        .run()
        .success();
    // Whoever is not root is it in the namespace of the program.
    let user = "root";
    let (file, folder) = (place.scratch.at(FILE), place.scratch.path());
    let file = file.display();
    let expected = [
        format!("decrypt {user} {file}"),
        format!("rotate {user} {file}"),
        format!("decrypt {user} {file}"),
        format!("encrypt {user} {file}"),
        format!("decrypt {user} {}", folder.display()),
    ];
    assert_eq!(database.rows(), expected);
}

#[test]
fn every_database_gets_every_row_and_failures_get_none() {
    let (Some(place), Some(server)) = (Place::new(), need::postgres()) else { return };
    let (one, two) = (server.database(), server.database());
    let settings = format!(
        "backends:\n  postgres:\n  - connection_string: \"{}\"\n  - connection_string: host=127.0.0.1 \
         port={} user={ROLE} password={PASSWORD} dbname={} sslmode=disable\n",
        one.url(ROLE, NO_TLS),
        server.port(),
        two.name
    );
    place.sops_rs(&settings, &["decrypt", FILE]).run().success();
    assert_eq!((one.rows().len(), two.rows().len()), (1, 1));
    let no_key = place.sops_rs(&settings, &["decrypt", FILE]).without_env("SOPS_AGE_KEY_FILE");
    no_key.run().fails_with(128);
    // Go sops writes a row before it looks at the MAC.
    let text = place.scratch.text(FILE).replace("version: ", "unencrypted_regex: x\n    version: ");
    place.scratch.write(FILE, text);
    let changed: Outcome = place.sops_rs(&settings, &["decrypt", FILE]).run();
    assert!(!changed.status.success(), "{changed}");
    assert_eq!((one.rows().len(), two.rows().len()), (1, 1));
}

/// Whoever is audited does not decide where the records go: the library of SOPS takes a host from
/// these where the settings name none.
#[test]
fn variables_do_not_say_where_records_go() {
    let (Some(place), Some(server)) = (Place::new(), need::postgres()) else { return };
    let database = server.database();
    let (port, name) = (server.port(), &database.name);
    let connection =
        format!("user={ROLE} password={PASSWORD} port={port} dbname={name} sslmode=disable");
    let run = place.sops_rs(&table_backend(&connection), &["decrypt", FILE]);
    let run = run.env("PGHOST", "192.0.2.1").env("PGHOSTADDR", "192.0.2.1").env("PGPORT", "1");
    run.env("PGSERVICE", "other").env("PGOPTIONS", "-c role=none").run().success();
    assert_eq!(database.rows().len(), 1);
}

#[test]
fn a_socket_of_this_machine_needs_no_tls() {
    let (Some(place), Some(server)) = (Place::new(), need::postgres()) else { return };
    let database = server.database();
    let folder = server.socket_folder().display();
    let connection =
        format!("host={folder} port={} user={ROLE} dbname={}", server.port(), database.name);
    place.sops_rs(&table_backend(&connection), &["decrypt", FILE]).run().success();
    assert_eq!(database.rows().len(), 1);
}

/// The columns decide what a row is made of, as with SOPS.
#[test]
fn columns_of_other_types_are_filled_too() {
    let (Some(place), Some(server)) = (Place::new(), need::postgres()) else { return };
    let database = server.database();
    database.query(
        "create type kind as enum ('decrypt'); alter table audit_event \
         alter action type kind using action::kind, alter username type varchar(50), \
         add host inet default inet_client_addr()",
    );
    let settings = table_backend(&database.url(ROLE, NO_TLS));
    place.sops_rs(&settings, &["decrypt", FILE]).run().success();
    let encrypt = place.sops_rs(&settings, &["rotate", FILE]).run().fails_with(1);
    assert!(encrypt.err().contains("invalid input value for enum"), "{encrypt}");
    assert_eq!(database.rows().len(), 1, "all rows of a command, or none");
}
