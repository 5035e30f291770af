//! The master keys of the corpus, one of each kind that Go sops knows and in each position of their
//! fields, with the servers behind them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sops_tests::rig::aws;
use sops_tests::rig::doubles::{Azure, Gcp};
use sops_tests::rig::gnupg::GnupgHome;
use sops_tests::rig::huawei::{self, HuaweiDouble};
use sops_tests::rig::vault::ROOT;
use sops_tests::scratch::Scratch;
use sops_tests::{need, paths};

/// Variables for programs.
pub(crate) type Variables = Vec<(String, String)>;

/// A master key, and what it takes to use it.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    /// The field of a key group, and the entry of its list.
    pub(crate) field: &'static str,
    pub(crate) entry: String,
    /// The same as a field of the rule itself, where there is one that says as much.
    pub(crate) flat: Option<(&'static str, String)>,
    /// What a program needs to use this key, and no other one.
    pub(crate) environment: Variables,
    /// Whoever names the key has to ask the service, too.
    pub(crate) asks_first: bool,
}

/// All of them, with their servers, which end with this.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) all: Vec<Key>,
    folder: Scratch,
    _gnupg: Option<GnupgHome>,
    _azure: Option<Azure>,
    _gcp: Option<Gcp>,
    _huawei: Option<HuaweiDouble>,
}

impl Keys {
    /// Those whose servers and programs are there; each missing one is told.
    pub(crate) fn new() -> Self {
        let mut keys = Self {
            all: Vec::new(),
            folder: Scratch::new(),
            _gnupg: None,
            _azure: None,
            _gcp: None,
            _huawei: None,
        };
        keys.of_age();
        keys.of_pgp();
        keys.of_aws();
        keys.of_vault();
        if let Some(python) = need::python() {
            keys.of_azure(&python);
            keys.of_gcp(&python);
        }
        keys.of_huawei();
        keys
    }

    /// What it takes to use each of them.
    pub(crate) fn environment(&self) -> Variables {
        self.all.iter().flat_map(|key| key.environment.clone()).collect()
    }

    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.all.iter().position(|key| key.name == name)
    }

    fn add(&mut self, name: &'static str, field: &'static str, entry: &Value, way: Variables) {
        let entry = entry.to_string();
        let key = Key { name, field, entry, flat: None, environment: way, asks_first: false };
        self.all.push(key);
    }

    /// One whose entry is the same text in both places.
    fn add_flat(
        &mut self,
        name: &'static str,
        fields: [&'static str; 2],
        entry: &str,
        way: Variables,
    ) {
        self.add(name, fields[0], &entry.into(), way);
        self.with_flat(fields[1], entry);
    }

    fn with_flat(&mut self, field: &'static str, text: &str) {
        let key = self.all.last_mut().expect("there is one");
        key.flat = Some((field, json!([text]).to_string()));
    }

    fn of_age(&mut self) {
        let fields = ["age", "age"];
        for (name, file, variable) in [
            ("age", "age-x25519.txt", "SOPS_AGE_KEY_FILE"),
            ("age-pq", "age-pq.txt", "SOPS_AGE_KEY"),
        ] {
            let text = fs::read_to_string(sample(file)).unwrap();
            let line = |start| text.lines().find_map(|line: &str| line.strip_prefix(start));
            let recipient = line("# public key: ").unwrap();
            let value = match variable {
                "SOPS_AGE_KEY_FILE" => shown(&sample(file)),
                _ => text.lines().last().unwrap().to_owned(),
            };
            self.add_flat(name, fields, recipient, variables([(variable, value)]));
        }
        for (name, file) in [("age-ssh-ed25519", "ssh_ed25519"), ("age-ssh-rsa", "ssh_rsa")] {
            let text = fs::read_to_string(sample(&format!("{file}.pub"))).unwrap();
            let recipient: Vec<_> = text.split_whitespace().take(2).collect();
            let path = shown(&sample(file));
            // Each has a variable of its own, so that files of both can be opened.
            let way = match file {
                "ssh_rsa" => ("SOPS_AGE_SSH_PRIVATE_KEY_CMD", format!("cat '{path}'")),
                _ => ("SOPS_AGE_SSH_PRIVATE_KEY_FILE", path),
            };
            self.add_flat(name, fields, &recipient.join(" "), variables([way]));
        }
    }

    fn of_pgp(&mut self) {
        let Some(home) = GnupgHome::new() else { return };
        let way = variables([("GNUPGHOME", shown(home.path()))]);
        for name in ["pgp-rsa", "pgp-cv25519"] {
            let fingerprint = home.import(name);
            self.add_flat(name, ["pgp", "pgp"], &fingerprint, way.clone());
        }
        self._gnupg = Some(home);
    }

    fn of_aws(&mut self) {
        let Some(emulators) = need::aws() else { return };
        let way = emulators.environment();
        let flat = ["kms", "kms"];
        self.add("aws", "kms", &json!({"arn": aws::MAIN}), way.clone());
        self.with_flat(flat[1], aws::MAIN);
        self.add("aws-alias", "kms", &json!({"arn": aws::ALIAS}), way.clone());
        self.with_flat(flat[1], aws::ALIAS);
        self.add("aws-role", "kms", &json!({"arn": aws::OTHER, "role": aws::ROLE}), way.clone());
        self.with_flat(flat[1], &format!("{}+{}", aws::OTHER, aws::ROLE));
        let context = json!({"team": "blue", "stage": "a, b: \"ü\""});
        self.add(
            "aws-context",
            "kms",
            &json!({"arn": aws::MULTI_REGION, "context": context}),
            way.clone(),
        );
        let profile =
            format!("[work]\naws_access_key_id = {}\naws_secret_access_key = x\n", aws::ACCOUNT);
        let file = shown(&self.folder.write("aws-credentials", profile));
        let mut by_profile = way;
        by_profile.retain(|(name, _)| {
            !["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].contains(&name.as_str())
        });
        for (name, value) in &mut by_profile {
            if name == "AWS_SHARED_CREDENTIALS_FILE" {
                value.clone_from(&file);
            }
        }
        let entry = json!({"arn": aws::ELSEWHERE, "aws_profile": "work"});
        self.add("aws-profile", "kms", &entry, by_profile);
    }

    fn of_vault(&mut self) {
        let Some(vault) = need::vault() else { return };
        let engine = vault.engine();
        let way = variables([("VAULT_TOKEN", ROOT.to_owned())]);
        for (name, options) in
            [("vault", Value::Null), ("vault-chacha20", json!({"type": "chacha20-poly1305"}))]
        {
            vault.key(&engine, name, &options);
            let url = format!("{}/v1/{engine}/keys/{name}", vault.url());
            self.add_flat(name, ["hc_vault", "hc_vault_transit_uri"], &url, way.clone());
        }
    }

    fn of_azure(&mut self, python: &Path) {
        let double = Azure::start(python);
        let way = double.environment("good");
        for (name, with_version) in [("azure-double", true), ("azure-double-newest", false)] {
            let (url, version) = double.create_key(name);
            let version = if with_version { version } else { String::new() };
            let entry = json!({"vaultUrl": Azure::VAULT, "key": name, "version": version});
            self.add(name, "azure_keyvault", &entry, way.clone());
            self.with_flat("azure_keyvault", format!("{url}/{version}").trim_end_matches('/'));
            self.all.last_mut().expect("there is one").asks_first = !with_version;
        }
        self._azure = Some(double);
    }

    fn of_gcp(&mut self, python: &Path) {
        let double = Gcp::start(python);
        let id = double.create_key("k");
        let entry = json!({"resource_id": id});
        self.add("gcp-double", "gcp_kms", &entry, double.environment());
        self.with_flat("gcp_kms", &id);
        self._gcp = Some(double);
    }

    fn of_huawei(&mut self) {
        let double = HuaweiDouble::start();
        let id = format!("{}:{}", huawei::REGION, huawei::KEY);
        self.add("huawei-double", "hckms", &json!({"key_id": id}), double.environment());
        self.with_flat("hckms", &id);
        self._huawei = Some(double);
    }
}

fn sample(name: &str) -> PathBuf {
    paths::in_tests("data/vectors-keys/keys").join(name)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn variables<const N: usize>(all: [(&str, String); N]) -> Variables {
    all.map(|(name, value)| (name.to_owned(), value)).into()
}
