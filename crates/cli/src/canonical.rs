//! SopsSecrets in canonical form, in which an operator can verify their MAC (`docs/sopssecrets.md`).

use sops_core::{
    config::Decision,
    crypto::MacScope,
    document::PlainDocument,
    format::{self, Format},
    keys::MasterKey,
    metadata::Metadata,
    selection::Selection,
    sops_secret::{self, Departure},
    tree::{Mapping, Tree, Value},
};

use crate::failure::{self, Failure, reading, sentence};

/// Whether an opened document is a SopsSecret in canonical form.
pub(crate) fn is_canonical(tree: &Tree, metadata: &Metadata) -> bool {
    departure(tree, &metadata.selection, metadata.mac_scope) == Some(None)
}

/// Whether a document claims the canonical form.
pub(crate) fn claims(tree: &Tree) -> bool {
    tree.documents.first().is_some_and(sops_secret::claims_canonical)
}

/// Where a SopsSecret departs from the canonical form; `None` when the document is something else.
fn departure(tree: &Tree, selection: &Selection, scope: MacScope) -> Option<Option<Departure>> {
    match tree.documents.as_slice() {
        [root] if sops_secret::version(root).is_some() => {
            Some(sops_secret::departure(root, selection, scope))
        }
        _ => None,
    }
}

/// Tells people what the author's order costs.
pub(crate) fn tell_of_order(plain: &PlainDocument, decision: &Decision) {
    let departure = departure(&plain.tree, &decision.selection, decision.mac_scope).flatten();
    if let Some(departure) = departure {
        failure::tip(format_args!(
            "no operator can verify the MAC of this SopsSecret, because {departure}; \
             --canonical brings it into the form in which one can"
        ));
    }
}

/// A plain SopsSecret with its keys in order, which claims the canonical form.
pub(crate) fn prepare(plain: PlainDocument) -> Result<PlainDocument, Failure> {
    demand(&plain.tree)?;
    let plain = match sops_secret::arrange(&plain) {
        Ok(None) => plain,
        Ok(Some(arranged)) => arranged,
        Err(error) => {
            return Err(refused(sentence(&error)).hint(
                "put the keys below spec.secretTemplates in order by hand, or write anchors, \
                 aliases and comments there in a plainer way",
            ));
        }
    };
    claim(plain)
}

/// Refuses what is no SopsSecret that an operator reads.
pub(crate) fn demand(tree: &Tree) -> Result<&Mapping, Failure> {
    match tree.documents.as_slice() {
        [root] => match sops_secret::version(root) {
            Some(sops_secret::VERSION) => Ok(root),
            Some(version) => Err(refused(format!(
                "the file is a SopsSecret of version {version}, and operators read {} only",
                sops_secret::VERSION
            ))),
            None => Err(refused("the file is no SopsSecret".to_owned()).hint(
                "`sops-rs seal` makes one of ordinary Secret manifests; other files need no \
                 --canonical",
            )),
        },
        several => Err(refused(format!(
            "the file has {} documents, and the MAC of SOPS covers all of them together",
            several.len()
        ))
        .hint("write each SopsSecret into a file of its own")),
    }
}

fn refused(problem: String) -> Failure {
    Failure::generic(format!("--canonical: {problem}"))
}

/// Puts the annotation in.
fn claim(plain: PlainDocument) -> Result<PlainDocument, Failure> {
    if claims(&plain.tree) {
        return Ok(plain);
    }
    let path = sops_secret::claim_path();
    let text = plain
        .layout
        .put(&plain.tree, &path, &Value::text("true").into())
        .map_err(|error| refused(format!("unable to write the annotation: {error}")))?;
    match format::parse(plain.format, text) {
        Ok(parsed) if claims(&parsed.tree) => {
            let format = plain.format;
            Ok(PlainDocument { format, tree: parsed.tree, layout: parsed.layout })
        }
        _ => Err(refused(format!("the layout around {path} does not take the annotation"))),
    }
}

/// The rule of the canonical form in the place of one that does not fit it: the default gives way,
/// a creation rule with a warning, and a flag not at all.
pub(crate) fn settle(
    root: &Mapping,
    selection: Selection,
    by_flag: bool,
) -> Result<Selection, Failure> {
    let problem = match sops_secret::departure(root, &selection, MacScope::SealedOnly) {
        Some(problem) if concerns_rule(&problem) => problem,
        _ => return Ok(selection),
    };
    if by_flag {
        return Err(refused(problem.to_string()).hint("leave the rule out"));
    }
    if selection != Selection::default() {
        warn_of_rule(&selection, &format_args!(", because {problem}"));
    }
    Ok(sops_secret::selection())
}

/// Says that a rule does not count.
pub(crate) fn warn_of_rule(selection: &Selection, why: &dyn std::fmt::Display) {
    let (wanted, canonical) = (said(selection), said(&sops_secret::selection()));
    failure::warn(format_args!("the rule is {canonical} and not {wanted}{why}"));
}

fn said(selection: &Selection) -> String {
    let field = selection.field();
    field.map_or("everything".to_owned(), |(field, text)| format!("{field}: {text}"))
}

fn concerns_rule(departure: &Departure) -> bool {
    matches!(
        departure,
        Departure::CommentRule | Departure::SealedOutside(_) | Departure::DataInClear(_)
    )
}

/// Refuses what stands in the way of the canonical form besides rule and order.
pub(crate) fn demand_canonical(root: &Mapping, selection: &Selection) -> Result<(), Failure> {
    match sops_secret::departure(root, selection, MacScope::SealedOnly) {
        None => Ok(()),
        Some(departure) => Err(refused(departure.to_string())),
    }
}

/// A changed document in the order in which it was before, if that was the canonical one.
pub(crate) fn keep(plain: PlainDocument, was: bool, metadata: &Metadata) -> PlainDocument {
    if !was {
        return plain;
    }
    let plain = match sops_secret::arrange(&plain) {
        Ok(Some(arranged)) => {
            failure::detail("the keys were put in the order of the canonical form");
            arranged
        }
        Ok(None) | Err(_) => plain,
    };
    match departure(&plain.tree, &metadata.selection, metadata.mac_scope) {
        Some(None) => {}
        Some(Some(departure)) => failure::warn(format_args!(
            "the file is not in canonical form any more, and no operator can verify its MAC: \
             {departure}"
        )),
        None => failure::warn("the file is no single SopsSecret any more"),
    }
    plain
}

/// Says which keys the original custom resource does not know: it loses them.
pub(crate) fn warn_of_schema(metadata: &Metadata) {
    let keys = || metadata.groups.iter().flat_map(|group| &group.0).map(|wrapped| &wrapped.key);
    let lost = if metadata.groups.len() > 1 {
        "several key groups"
    } else if keys().any(|key| matches!(key, MasterKey::AwsKms(key) if !key.context.is_empty())) {
        "an encryption context"
    } else if keys().any(|key| matches!(key, MasterKey::HuaweiKms(_))) {
        "HuaweiCloud KMS keys"
    } else {
        return;
    };
    failure::warn(format_args!(
        "the original SopsSecret resource of isindir has no field for {lost}: it takes \
         sops-operator and its resource definition"
    ));
}

/// The SopsSecret in an encrypted text, for what is said about it afterwards.
pub(crate) fn size_as_json(
    format: Format,
    text: &sops_core::crypto::SecretBytes,
) -> Result<usize, Failure> {
    let parsed =
        format::parse(format, text.clone()).map_err(|error| Failure::generic(error.to_string()))?;
    let format::Section::Found(section) = parsed.metadata else { return Ok(text.len()) };
    let options = format::EmitOptions { indent: Some(0) };
    let json = format::emit(Format::Json, &parsed.tree, Some(&section), &options)
        .map_err(|error| reading::emit(&error))?;
    Ok(json.len())
}
