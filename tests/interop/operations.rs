//! Which change is made to a document.

use sops_core::format::Format;

use crate::case::{Case, Step};
use crate::rng::Rng;
use crate::tool::Operation;
use crate::words;

pub(crate) fn choose(case: &Case, rng: &mut Rng) -> Operation {
    let leaves = &case.text.leaves;
    if leaves.is_empty() {
        return rng.pick(&[Operation::Rotate, Operation::UpdateKeys, Operation::Edit]).clone();
    }
    match rng.below(10) {
        0 | 1 => Operation::Rotate,
        2 => Operation::UpdateKeys,
        3 => Operation::Edit,
        4 => Operation::Unset(rng.pick(leaves).clone()),
        _ => {
            let value = value(case.format, rng);
            let mut path = rng.pick(leaves).clone();
            match rng.below(10) {
                0..6 => {}
                6 | 7 => {
                    // A key that is not there yet, beside one that is.
                    let last = path.len() - 1;
                    path[last] = match &path[last] {
                        Step::Key(_) => Step::Key("added".to_owned()),
                        Step::Index(_) => Step::Index(99),
                    };
                }
                _ if matches!(case.format, Format::Yaml | Format::Json) => {
                    path = vec![Step::Key("new".to_owned()), Step::Key("deep".to_owned())];
                }
                _ => {}
            }
            Operation::Set(path, value)
        }
    }
}

/// A second change, which the first one leaves possible.
pub(crate) fn choose_after(case: &Case, first: &Operation, rng: &mut Rng) -> Operation {
    match rng.below(4) {
        0 => Operation::Rotate,
        1 => Operation::UpdateKeys,
        // Binary files have no paths, and others need not have the key.
        _ if case.format == Format::Binary => Operation::Rotate,
        2 if matches!(first, Operation::Rotate | Operation::UpdateKeys) => Operation::Edit,
        _ => {
            let mut path = vec![Step::Key("later".to_owned())];
            if case.format == Format::Ini {
                path.insert(0, Step::Key("DEFAULT".to_owned()));
            }
            Operation::Set(path, format!("\"{}\"", words::secret(rng)))
        }
    }
}

fn value(format: Format, rng: &mut Rng) -> String {
    let scalar = match rng.below(8) {
        0 => (*rng.pick(&["true", "false"])).to_owned(),
        1 => (*rng.pick(&["5", "1.5", "-7"])).to_owned(),
        2 => "\"two\\nlines\"".to_owned(),
        3 => "\"quote \\\" and # hash\"".to_owned(),
        4 => "\"\"".to_owned(),
        _ => format!("\"{}\"", words::secret(rng)),
    };
    match format {
        Format::Yaml | Format::Json if rng.percent(20) => {
            format!("{{\"a\": {scalar}, \"b\": [1, {scalar}], \"c\": {{}}, \"d\": null}}")
        }
        // Their values are texts.
        Format::Dotenv | Format::Ini => format!("\"{}\"", words::secret(rng)),
        _ => scalar,
    }
}
