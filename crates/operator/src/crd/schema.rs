//! The schema of each version (operator spec §1): the published shape, and what is optional beside
//! it. Nothing that was published is removed or becomes narrower.

use serde_json::{Map, Value, json};

use super::{GROUP, KIND, PLURAL, VERSION};

/// The definition, as YAML.
pub(crate) fn definition() -> String {
    // A tree of strings, lists and maps has a text.
    serde_saphyr::to_string(&tree()).unwrap_or_default()
}

fn tree() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": format!("{PLURAL}.{GROUP}"),
            // Whoever removes the definition removes all objects and, through them, all their
            // Secrets. None of the tools that apply it does so along with something else.
            "annotations": {
                "argocd.argoproj.io/sync-options": "Delete=false,Prune=false",
                "helm.sh/resource-policy": "keep",
                "kustomize.toolkit.fluxcd.io/prune": "disabled",
            },
        },
        "spec": {
            "group": GROUP,
            "names": {
                "kind": KIND,
                "listKind": format!("{KIND}List"),
                "plural": PLURAL,
                "singular": "sopssecret",
                "shortNames": ["sops"],
            },
            "scope": "Namespaced",
            "versions": [
                older("v1alpha1", "secret_templates", false),
                older("v1alpha2", "secretTemplates", true),
                current(),
            ],
        },
    })
}

fn current() -> Value {
    let template = object(
        "Describes one Secret.",
        &[
            ("name", string("Name of the Secret.")),
            ("labels", strings("Labels of the Secret.")),
            ("annotations", strings("Annotations of the Secret.")),
            ("type", string("Type of the Secret; Opaque if empty.")),
            ("data", strings("Values in base64; a key here wins over the same key of stringData.")),
            ("stringData", strings("Values as they are.")),
        ],
        &["name"],
    );
    let target = object(
        "A workload.",
        &[
            ("kind", string("Deployment, StatefulSet, DaemonSet or Rollout.")),
            ("name", string("Name of the workload, in the namespace of the object.")),
        ],
        &["kind", "name"],
    );
    let spec = object(
        "What the Secrets shall be.",
        &[
            ("secretTemplates", at_least_one(list("The Secrets to keep.", template))),
            ("suspend", boolean("Leaves the object and its Secrets alone.")),
            (
                "enforceOwnership",
                boolean(
                    "Whether Secrets that exist and are not ours are taken over; the operator's \
                     default if absent.",
                ),
            ),
            (
                "rolloutRestart",
                list("Workloads to roll out when a Secret of this object changes content.", target),
            ),
        ],
        &["secretTemplates"],
    );
    let columns = json!([
        { "name": "Status", "type": "string", "jsonPath": ".status.message" },
        {
            "name": "Ready",
            "type": "string",
            "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status",
            "priority": 1,
        },
        {
            "name": "Reason",
            "type": "string",
            "jsonPath": ".status.conditions[?(@.type==\"Ready\")].reason",
            "priority": 1,
        },
        {
            "name": "Integrity",
            "type": "string",
            "jsonPath": ".status.conditions[?(@.type==\"Integrity\")].reason",
            "priority": 1,
        },
    ]);
    json!({
        "name": VERSION,
        "served": true,
        "storage": true,
        "subresources": { "status": {} },
        "additionalPrinterColumns": columns,
        "schema": { "openAPIV3Schema": root(spec, status()) },
    })
}

/// Versions that are served so that what is stored can be read (operator spec §1.4).
fn older(version: &str, templates: &str, column: bool) -> Value {
    let template = object(
        "Describes one Secret.",
        &[
            ("name", string("Name of the Secret.")),
            ("labels", strings("Labels of the Secret.")),
            ("annotations", strings("Annotations of the Secret.")),
            ("type", string("Type of the Secret.")),
            ("data", strings("Values.")),
        ],
        &["data", "name"],
    );
    let spec = object(
        "What the Secrets shall be.",
        &[(templates, at_least_one(list("The Secrets to keep.", template)))],
        &[templates],
    );
    let mut all = json!({
        "name": version,
        "served": true,
        "storage": false,
        "deprecated": true,
        "subresources": { "status": {} },
        "schema": { "openAPIV3Schema": root(spec, status()) },
    });
    if column {
        all["additionalPrinterColumns"] =
            json!([{ "name": "Status", "type": "string", "jsonPath": ".status.message" }]);
    }
    all
}

fn root(spec: Value, status: Value) -> Value {
    object(
        "Secrets, encrypted with SOPS.",
        &[
            ("apiVersion", string("Version of this schema.")),
            ("kind", string("Kind of the object.")),
            ("metadata", json!({ "type": "object" })),
            ("spec", spec),
            ("sops", sops()),
            ("status", status),
        ],
        &[],
    )
}

fn status() -> Value {
    let condition = object(
        "A condition.",
        &[
            ("type", string("Ready, Integrity, Reconciling or Stalled.")),
            ("status", string("True, False or Unknown.")),
            ("reason", string("Why, in one word of a closed set.")),
            ("message", string("Why, in words; never a value.")),
            ("observedGeneration", integer("The generation it is about.")),
            ("lastTransitionTime", time("When the status changed.")),
        ],
        &["type", "status", "reason", "message", "lastTransitionTime"],
    );
    let secret = open(object(
        "What became of one template.",
        &[
            ("name", string("Name of the Secret.")),
            ("uid", string("UID of the Secret.")),
            ("resourceVersion", string("Version of the Secret when it was right.")),
            ("content", string("Changes with the data; random, nothing can be told from it.")),
            ("result", string("Synced, or why it is not.")),
            ("detail", string("Why it is not, in words; never a value.")),
        ],
        &[],
    ));
    let applied = open(object(
        "What the Secrets were made of last.",
        &[
            ("digest", string("Of the encrypted object. Nothing can be told from it.")),
            ("time", time("When.")),
        ],
        &[],
    ));
    open(object(
        "What the operator found and did.",
        &[
            ("message", string("One of eight texts; Healthy if all is well.")),
            ("observedGeneration", integer("The generation this is about.")),
            ("conditions", list("Conditions.", condition)),
            ("secrets", list("What became of each template, in their order.", secret)),
            ("applied", applied),
        ],
        &[],
    ))
}

/// The metadata of SOPS. What is not listed stays as it is: the next version of SOPS may know it.
fn sops() -> Value {
    let mut fields = key_lists();
    let group = open(object("A key group.", &borrowed(&key_lists()), &[]));
    fields.extend([
        ("key_groups", list("Key groups; each holds one share of the data key.", group)),
        ("shamir_threshold", integer("How many key groups are needed.")),
        ("lastmodified", string("When a value was changed last, RFC 3339.")),
        ("mac", string("Encrypted hash over the values.")),
        ("version", string("Version of SOPS that wrote the object.")),
        ("encrypted_suffix", string("Rule: what is below keys that end so is encrypted.")),
        ("encrypted_regex", string("Rule: what is below keys that match is encrypted.")),
        ("unencrypted_suffix", string("Rule: what is below keys that end so is not encrypted.")),
        ("unencrypted_regex", string("Rule: what is below keys that match is not encrypted.")),
        (
            "encrypted_comment_regex",
            string("Rule by comments, which do not reach a cluster: it cannot be opened there."),
        ),
        (
            "unencrypted_comment_regex",
            string("Rule by comments, which do not reach a cluster: it cannot be opened there."),
        ),
        ("mac_only_encrypted", boolean("Whether the MAC covers encrypted values only.")),
    ]);
    open(object("Metadata of SOPS.", &borrowed(&fields), &[]))
}

/// The lists of wrapped keys, by kind (format spec §4).
fn key_lists() -> Vec<(&'static str, Value)> {
    let keys = |description: &str, fields: &[&'static str], context: bool| {
        let mut all: Vec<(&str, Value)> = fields.iter().map(|field| (*field, string(""))).collect();
        if context {
            all.push(("context", strings("Encryption context.")));
        }
        list(description, open(object("A wrapped data key.", &borrowed(&all), &[])))
    };
    vec![
        ("age", keys("Keys of age.", &["recipient", "enc"], false)),
        (
            "kms",
            keys("Keys of AWS KMS.", &["arn", "role", "enc", "created_at", "aws_profile"], true),
        ),
        (
            "gcp_kms",
            keys("Keys of Google Cloud KMS.", &["resource_id", "enc", "created_at"], false),
        ),
        ("hckms", keys("Keys of Huawei Cloud KMS.", &["key_id", "enc", "created_at"], false)),
        (
            "azure_kv",
            keys(
                "Keys of Azure Key Vault.",
                &["vault_url", "name", "version", "enc", "created_at"],
                false,
            ),
        ),
        (
            "hc_vault",
            keys(
                "Keys of Vault or OpenBao.",
                &["vault_address", "engine_path", "key_name", "enc", "created_at"],
                false,
            ),
        ),
        ("pgp", keys("OpenPGP keys.", &["fp", "enc", "created_at"], false)),
    ]
}

fn borrowed<'f>(fields: &'f [(&'static str, Value)]) -> Vec<(&'f str, Value)> {
    fields.iter().map(|(name, schema)| (*name, schema.clone())).collect()
}

fn object(description: &str, fields: &[(&str, Value)], required: &[&str]) -> Value {
    let properties: Map<String, Value> =
        fields.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    let mut all = json!({ "type": "object", "description": description, "properties": properties });
    if !required.is_empty() {
        let mut required = required.to_vec();
        required.sort_unstable();
        all["required"] = json!(required);
    }
    all
}

/// Fields that are not listed are kept.
fn open(mut object: Value) -> Value {
    object["x-kubernetes-preserve-unknown-fields"] = json!(true);
    object
}

fn list(description: &str, items: Value) -> Value {
    json!({ "type": "array", "description": description, "items": items })
}

fn at_least_one(mut list: Value) -> Value {
    list["minItems"] = json!(1);
    list
}

fn strings(description: &str) -> Value {
    json!({
        "type": "object",
        "description": description,
        "additionalProperties": { "type": "string" },
    })
}

fn scalar(kind: &str, description: &str) -> Value {
    match description {
        "" => json!({ "type": kind }),
        text => json!({ "type": kind, "description": text }),
    }
}

fn string(description: &str) -> Value {
    scalar("string", description)
}

fn boolean(description: &str) -> Value {
    scalar("boolean", description)
}

fn integer(description: &str) -> Value {
    let mut all = scalar("integer", description);
    all["format"] = json!("int64");
    all
}

fn time(description: &str) -> Value {
    let mut all = scalar("string", description);
    all["format"] = json!("date-time");
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Paths of fields, each with its type.
    type Fields = &'static [(&'static str, &'static str)];

    /// The published shape: path, type, and whether it is required (operator spec §1.3 to §1.5).
    const PUBLISHED: &[(&str, &str, Fields)] = &[
        (
            "v1alpha3",
            "spec.secretTemplates",
            &[
                ("spec.secretTemplates", "array"),
                ("spec.secretTemplates[].name", "string"),
                ("spec.secretTemplates[].labels", "map"),
                ("spec.secretTemplates[].annotations", "map"),
                ("spec.secretTemplates[].type", "string"),
                ("spec.secretTemplates[].data", "map"),
                ("spec.secretTemplates[].stringData", "map"),
                ("spec.suspend", "boolean"),
                ("spec.enforceOwnership", "boolean"),
                ("status.message", "string"),
                ("sops.mac_only_encrypted", "boolean"),
                ("sops.kms[].role", "string"),
                ("sops.kms[].aws_profile", "string"),
                ("sops.gcp_kms[].resource_id", "string"),
                ("sops.azure_kv[].vault_url", "string"),
                ("sops.hc_vault[].engine_path", "string"),
                ("sops.pgp[].fp", "string"),
                ("sops.age[].recipient", "string"),
                ("sops.mac", "string"),
                ("sops.lastmodified", "string"),
                ("sops.version", "string"),
                ("sops.encrypted_suffix", "string"),
                ("sops.encrypted_regex", "string"),
            ],
        ),
        (
            "v1alpha2",
            "spec.secretTemplates",
            &[("spec.secretTemplates[].data", "map"), ("status.message", "string")],
        ),
        ("v1alpha1", "spec.secret_templates", &[("spec.secret_templates[].data", "map")]),
    ];

    fn schema<'t>(tree: &'t Value, version: &str) -> &'t Value {
        let versions = tree["spec"]["versions"].as_array().expect("versions");
        let found = versions.iter().find(|one| one["name"] == version).expect("a version");
        &found["schema"]["openAPIV3Schema"]
    }

    fn at<'s>(schema: &'s Value, path: &str) -> &'s Value {
        path.split('.').fold(schema, |schema, step| match step.strip_suffix("[]") {
            Some(step) => &schema["properties"][step]["items"],
            None => &schema["properties"][step],
        })
    }

    #[test]
    fn everything_that_was_published_is_there() {
        let tree = tree();
        for (version, templates, fields) in PUBLISHED {
            let schema = schema(&tree, version);
            for (path, kind) in *fields {
                let found = at(schema, path);
                let is = match found["additionalProperties"]["type"].as_str() {
                    Some("string") => "map",
                    _ => found["type"].as_str().unwrap_or("nothing"),
                };
                assert_eq!(is, *kind, "{version} {path}");
            }
            assert_eq!(at(schema, templates)["minItems"], 1);
            assert_eq!(schema["required"], Value::Null);
        }
    }

    #[test]
    fn nothing_but_what_was_is_required() {
        let tree = tree();
        let template = at(schema(&tree, "v1alpha3"), "spec.secretTemplates[]");
        assert_eq!(template["required"], json!(["name"]));
        assert_eq!(at(schema(&tree, "v1alpha3"), "spec")["required"], json!(["secretTemplates"]));
        assert_eq!(at(schema(&tree, "v1alpha3"), "sops")["required"], Value::Null);
    }

    #[test]
    fn one_version_is_stored_and_the_status_comes_first() {
        let tree = tree();
        let versions = tree["spec"]["versions"].as_array().expect("versions");
        let stored: Vec<_> = versions.iter().filter(|one| one["storage"] == true).collect();
        assert_eq!(stored.len(), 1);
        assert_eq!(stored[0]["name"], "v1alpha3");
        let column = &stored[0]["additionalPrinterColumns"][0];
        assert_eq!(
            (&column["name"], &column["jsonPath"]),
            (&json!("Status"), &json!(".status.message"))
        );
    }

    #[test]
    fn the_text_is_the_tree() {
        let read: Value = serde_saphyr::from_str(&definition()).expect("YAML");
        assert_eq!(read, tree());
    }
}
