//! SopsSecrets in canonical form, in which an operator can verify their MAC (`docs/sopssecrets.md`).

use sops_core::{
    config::Decision,
    crypto::MacScope,
    document::PlainDocument,
    format::{self, Format},
    keys::MasterKey,
    metadata::Metadata,
    selection::Selection,
    sops_secret::{self, ArrangeError, Departure},
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

/// Tells people what the author's order costs, and everybody what a claim that is not kept costs.
pub(crate) fn tell_of_order(plain: &PlainDocument, decision: &Decision) {
    let departure = departure(&plain.tree, &decision.selection, decision.mac_scope).flatten();
    let Some(departure) = departure else { return };
    if claims(&plain.tree) {
        failure::warn(format_args!(
            "an operator will refuse this SopsSecret: its annotation {} claims the canonical \
             form, and {departure}; encrypt it with --canonical, or take the annotation out",
            sops_secret::CANONICAL_ANNOTATION
        ));
    } else {
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
        Err(error @ ArrangeError::Layout) => {
            return Err(refused(error.to_string()).hint(
                "put them in order by hand, or write anchors, aliases and comments there in a \
                 plainer way",
            ));
        }
        Err(error) => return Err(refused(sentence(&error))),
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
        warn_of_rule(&selection);
    }
    Ok(sops_secret::selection())
}

/// Says that a creation rule, or the rule of a file, does not count.
pub(crate) fn warn_of_rule(selection: &Selection) {
    failure::warn(format_args!(
        "{} does not count: a SopsSecret in canonical form is encrypted under {}",
        said(selection),
        said(&sops_secret::selection())
    ));
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

/// A changed document in canonical form, if it was in it before or claims to be. `by_hand`: a
/// person wrote it, and may wonder that it looks different.
pub(crate) fn keep(
    plain: PlainDocument,
    was: bool,
    metadata: &Metadata,
    by_hand: bool,
) -> PlainDocument {
    let claims = claims(&plain.tree) && metadata.mac_scope == MacScope::SealedOnly;
    if !was && !claims {
        return plain;
    }
    let plain = match sops_secret::arrange(&plain) {
        Ok(Some(arranged)) => {
            let what = "keys of the SopsSecret were put in order, so that its MAC can be verified";
            if by_hand {
                failure::tip(what)
            } else {
                failure::detail(what)
            }
            arranged
        }
        Ok(None) | Err(_) => plain,
    };
    let cost = if claims {
        "an operator will refuse the SopsSecret, because it claims the canonical form"
    } else {
        "no operator can verify the MAC of the SopsSecret any more"
    };
    match departure(&plain.tree, &metadata.selection, metadata.mac_scope) {
        Some(None) => {}
        Some(Some(departure)) => failure::warn(format_args!("{cost}: {departure}")),
        None => failure::warn(format_args!("{cost}: the file is no single SopsSecret")),
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

/// How large an encrypted object is on its way to a cluster.
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
