//! From flags, variables and configuration to what is to be done: formats, indentation, keys and
//! rules, with nothing left to look up.

pub(crate) mod changes;
pub(crate) mod creation;
pub(crate) mod extract;
pub(crate) mod place;
pub(crate) mod value;

use std::path::Path;

use sops_core::{
    format::{EmitOptions, Format},
    pipeline::{Check, Target},
};

use crate::{
    args::{GlobalFlags, files::OutputFlags, files::TypeFlags},
    config_file::ConfigFile,
    failure::{self, Failure},
    files::input::Source,
    status::Status,
};

/// The formats of input and output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Formats {
    /// What the input is read as.
    pub(crate) input: Format,
    /// What the output is written as.
    pub(crate) output: Format,
}

impl Formats {
    /// By flags, else by name; without a name it is binary (CLI §4.1).
    pub(crate) fn of(flags: &TypeFlags, name: Option<&Path>) -> Result<Self, Failure> {
        Ok(Self {
            input: format("--input-type", flags.input_type.as_deref(), name)?,
            output: format("--output-type", flags.output_type.as_deref(), name)?,
        })
    }

    /// Says that a file will hold another format than its name tells (CLI §13, 21).
    pub(crate) fn warn_of_name(self, path: &Path) {
        let told = Format::of_file_name(&path.to_string_lossy());
        // JSON is YAML, and is read as such.
        let reads = self.output == told || (self.output, told) == (Format::Json, Format::Yaml);
        if self.output != self.input && !reads {
            let (name, told) = (self.output.name(), told.name());
            failure::warn(format_args!(
                "{} will hold {name}, and its name says {told}: later commands need --input-type \
                 {name} --output-type {name}",
                path.display()
            ));
        }
    }
}

/// One format, by flag or by name.
pub(crate) fn format(
    flag: &str,
    given: Option<&str>,
    name: Option<&Path>,
) -> Result<Format, Failure> {
    match given.filter(|given| !given.is_empty()) {
        Some(given) => Format::from_name(given).ok_or_else(|| {
            let names: Vec<_> = Format::ALL.iter().map(|format| format.name()).collect();
            let problem = format!("unknown format \"{given}\" in {flag}");
            Failure::generic(problem).hint(format!("it takes one of {}", names.join(", ")))
        }),
        None => {
            Ok(name.map_or(Format::Binary, |name| Format::of_file_name(&name.to_string_lossy())))
        }
    }
}

/// The name that tells format and rule: the override, else that of the file.
pub(crate) fn name_of<'a>(output: &'a OutputFlags, source: &'a Source) -> Option<&'a Path> {
    match (output.filename_override.as_deref(), source) {
        (Some(name), _) => Some(name).filter(|name| !name.as_os_str().is_empty()),
        (None, Source::File(path)) => Some(path),
        (None, Source::Stdin) => None,
    }
}

/// Refuses combinations of flags that contradict one another.
pub(crate) fn demand_one_target(output: &OutputFlags, source: &Source) -> Result<(), Failure> {
    let conflict = |words: &str| Err(Failure::new(Status::ConflictingParameters, words));
    if output.in_place && output.output.is_some() {
        return conflict("Error: cannot operate on both --output and --in-place");
    }
    if output.in_place && *source == Source::Stdin {
        return conflict("Error: cannot use --in-place when reading from stdin");
    }
    Ok(())
}

/// How the output is laid out where there is nothing to follow.
pub(crate) fn layout(
    format: Format,
    global: &GlobalFlags,
    config: Option<&ConfigFile>,
) -> Result<EmitOptions, Failure> {
    let refused = |words: &str| {
        Failure::new(Status::CouldNotDumpTree, format!("Could not marshal tree: {words}"))
    };
    let indent = match (global.indent, format) {
        (Some(indent), Format::Yaml) if indent < 0 => {
            return Err(refused("YAML Negative indentation not accepted"));
        }
        (Some(indent), Format::Json | Format::Binary) if indent < -1 => {
            return Err(refused(
                "Error marshaling to json: JSON Indentation parameter smaller than -1 is not accepted",
            ));
        }
        // A tab in JSON, the default in YAML.
        (Some(-1), _) => None,
        (Some(0), Format::Yaml) => None,
        (Some(indent), _) => Some(u8::try_from(indent).unwrap_or(u8::MAX)),
        (None, _) => config.and_then(|file| file.config.indent(format)),
    };
    Ok(EmitOptions { indent })
}

/// Where a sealed text goes.
pub(crate) fn target(
    format: Format,
    global: &GlobalFlags,
    config: Option<&ConfigFile>,
) -> Result<Target, Failure> {
    let indent = layout(format, global, config)?.indent;
    Ok(Target { format, indent, check: Check::Full })
}

/// The same for a result that may go to standard output, where it replaces nothing.
pub(crate) fn for_output(target: Target, output: &OutputFlags) -> Target {
    let replaces = output.in_place || output.output.is_some();
    Target { check: if replaces { Check::Full } else { Check::UnlessSimple }, ..target }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_come_from_flags_or_the_name() {
        let flags = TypeFlags { input_type: Some("json".into()), output_type: None };
        let formats = Formats::of(&flags, Some(Path::new("a.yaml"))).unwrap();
        assert_eq!(formats, Formats { input: Format::Json, output: Format::Yaml });
        assert_eq!(format("--input-type", None, None).unwrap(), Format::Binary);
        assert!(format("--input-type", Some("nonsense"), None).is_err());
    }
}
