//! TLS, and certificates of both sides.

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use sops_tests::rig::servers::lasting_port;
use sops_tests::rig::servers::{End, Server};
use sops_tests::run::Run;

use super::place::{NO_KEY, PLAIN, Place, refused};

/// An authority that writes what it signs into the folder of a place.
struct Authority {
    name: &'static str,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Writes `NAME.crt`.
    fn new(place: &Place, name: &'static str) -> Self {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        place.scratch.write(format!("{name}.crt"), certificate.pem());
        Self { name, issuer: Issuer::new(parameters, key) }
    }

    /// Writes `WHO.crt` and `WHO.key`.
    fn sign(&self, place: &Place, who: &str, purpose: ExtendedKeyUsagePurpose) {
        let mut parameters = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        parameters.is_ca = IsCa::ExplicitNoCa;
        parameters.extended_key_usages = vec![purpose];
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        place.scratch.write(format!("{who}.crt"), certificate.pem());
        place.scratch.write(format!("{who}.key"), key.serialize_pem());
    }

    fn file(&self) -> String {
        format!("{}.crt", self.name)
    }
}

fn serve(place: &Place, port: u16, flags: &[&str]) -> Server {
    let address = format!("127.0.0.1:{port}");
    let run = place.sops_rs(&["keyservice", "--address", &address]).args(flags);
    let command = place.with_identity(run).command();
    let ready = || std::net::TcpStream::connect(&address).is_ok();
    Server::start("a key service", command, End::Gently, &place.scratch.at("log"), ready).unwrap()
}

#[test]
fn only_who_has_a_certificate_of_the_authority_is_answered() {
    let place = Place::new();
    place.encrypt();
    let [ours, other] = ["ours", "other"].map(|name| Authority::new(&place, name));
    ours.sign(&place, "server", ExtendedKeyUsagePurpose::ServerAuth);
    ours.sign(&place, "client", ExtendedKeyUsagePurpose::ClientAuth);
    other.sign(&place, "stranger", ExtendedKeyUsagePurpose::ClientAuth);
    let port = lasting_port().unwrap();
    let tls =
        ["--tls-cert", "server.crt", "--tls-key", "server.key", "--tls-client-ca", "ours.crt"];
    let _server = serve(&place, port, &[&tls[..], &["--log", "log.jsonl"]].concat());
    let uri = format!("tls://127.0.0.1:{port}");
    let trusting =
        |authority: &Authority| place.decrypt(&uri).env("SOPS_KEYSERVICE_CA", authority.file());
    let as_ = |run: Run, who: &str| {
        run.env("SOPS_KEYSERVICE_CERT", format!("{who}.crt"))
            .env("SOPS_KEYSERVICE_KEY", format!("{who}.key"))
    };
    assert_eq!(as_(trusting(&ours), "client").run().success().out(), PLAIN);
    // The log says by which certificate.
    let log: serde_json::Value = serde_json::from_str(&place.scratch.text("log.jsonl")).unwrap();
    assert_eq!(log["peer"]["certificate_sha256"].as_str().map(str::len), Some(64), "{log}");

    // A server of somebody else is told, and is not asked.
    let words = "authentication handshake failed: invalid peer certificate";
    refused(&as_(trusting(&other), "client").run(), NO_KEY, &["not valid", words]);
    // Nobody, and a stranger, get no answer.
    for run in [trusting(&ours), as_(trusting(&ours), "stranger")] {
        refused(&run.run(), NO_KEY, &["age by tls://127.0.0.1"]);
    }
    // Nor does who does not speak TLS at all.
    let plain = place.decrypt(&uri.replace("tls:", "tcp:")).run();
    refused(&plain, NO_KEY, &["age by tcp://127.0.0.1"]);
    assert_eq!(place.scratch.text("log.jsonl").lines().count(), 1, "one request came in");

    let half = trusting(&ours).env("SOPS_KEYSERVICE_CERT", "client.crt").run();
    refused(
        &half,
        NO_KEY,
        &["a setting makes no sense: SOPS_KEYSERVICE_CERT is set and SOPS_KEYSERVICE_KEY is not"],
    );
    let absent = place.decrypt(&uri).env("SOPS_KEYSERVICE_CA", "none.crt").run();
    let words = ["a setting makes no sense: SOPS_KEYSERVICE_CA: ", "none.crt: no such file"];
    refused(&absent, NO_KEY, &words);
}

#[test]
fn flags_that_do_not_go_together_are_refused() {
    let place = Place::new();
    let run = place.sops_rs(&["keyservice", "--tls-cert", "x.crt"]).run();
    refused(&run, 1, &["Incorrect Usage: "]);
    let ours = Authority::new(&place, "ours");
    ours.sign(&place, "server", ExtendedKeyUsagePurpose::ServerAuth);
    let tls = ["--tls-cert", "server.crt", "--tls-key", "server.key"];
    let socket = ["keyservice", "--network", "unix", "--address", "keys.sock"];
    let run = place.sops_rs(&[&socket[..], &tls[..]].concat()).run();
    refused(&run, 8, &["a Unix socket does not speak TLS"]);
    assert!(!place.scratch.at("keys.sock").exists());
    let swapped = ["keyservice", "--address", "127.0.0.1:0", "--tls-cert", "server.key"];
    let run = place.sops_rs(&[&swapped[..], &["--tls-key", "server.crt"]].concat()).run();
    refused(&run, 1, &["the certificates cannot be used"]);
}
