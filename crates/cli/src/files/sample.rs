//! What a new file looks like in the editor before anybody has written into it.

use sops_core::{
    crypto::SecretBytes,
    format::{self, EmitError, EmitOptions, Format},
    tree::{Comment, Entry, List, Mapping, Tree, Value},
};

const WELCOME: &str = "Welcome to SOPS! Edit this file as you please!";

/// The sample that suits a format, laid out as its files are.
pub(crate) fn sample(format: Format, options: &EmitOptions) -> Result<SecretBytes, EmitError> {
    if format == Format::Binary {
        return Ok(SecretBytes::from(WELCOME));
    }
    let tree = Tree { documents: vec![document(format)] };
    format::emit(format, &tree, None, options)
}

fn document(format: Format) -> Mapping {
    let mut document = Mapping::default();
    let comment = |text: &str| Entry::Comment(Comment::line(text));
    match format {
        Format::Dotenv => {
            document.entries.push(comment(" This is an example file."));
            document.push("hello", WELCOME);
            document.push("example_key", "example_value");
            document.push("example_multiline", "foo\nbar\nbaz");
        }
        Format::Ini => {
            let mut section = Mapping::default();
            section.push("hello", WELCOME);
            section.push("example_key", "example_value");
            document.entries.push(comment(" This is an example file."));
            document.push("Welcome!", section);
        }
        Format::Yaml | Format::Json | Format::Binary => {
            document.push("hello", WELCOME);
            document.push("example_key", "example_value");
            if format == Format::Yaml {
                document.entries.push(comment(" Example comment"));
            }
            let mut array = List::default();
            array.push("example_value1");
            array.push("example_value2");
            document.push("example_array", array);
            document.push("example_number", Value::Float(1234.56789));
            let mut booleans = List::default();
            booleans.push(Value::Bool(true));
            booleans.push(Value::Bool(false));
            document.push("example_booleans", booleans);
        }
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_look_as_they_always_did() {
        // transcript 05
        for (format, expected) in [
            (
                Format::Yaml,
                "hello: Welcome to SOPS! Edit this file as you please!\n\
                 example_key: example_value\n# Example comment\nexample_array:\n    \
                 - example_value1\n    - example_value2\nexample_number: 1234.56789\n\
                 example_booleans:\n    - true\n    - false\n",
            ),
            (
                Format::Dotenv,
                "# This is an example file.\nhello=Welcome to SOPS! Edit this file as you please!\n\
                 example_key=example_value\nexample_multiline=foo\\nbar\\nbaz\n",
            ),
            (Format::Binary, WELCOME),
        ] {
            let text = sample(format, &EmitOptions { indent: None }).unwrap();
            assert_eq!(text.expose_str(), Some(expected));
        }
    }

    #[test]
    fn every_sample_reads_again() {
        for format in Format::ALL {
            let text = sample(format, &EmitOptions { indent: None }).unwrap();
            format::parse(format, text).unwrap();
        }
    }
}
