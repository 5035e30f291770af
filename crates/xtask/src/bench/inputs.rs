//! Documents to measure with. They are the same in every run: a generator with a fixed seed writes
//! the values.

use std::fmt::Write as _;

/// How many values stand below one key of a grouped document.
const GROUP: usize = 100;

/// A document with `values` values, grouped where the format can.
pub(super) fn grouped(format: &str, values: usize) -> String {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut text = String::new();
    for at in 0..values {
        let (group, value) = (at / GROUP, random.value());
        let first = at % GROUP == 0;
        match format {
            "yaml" if first => {
                let _ = writeln!(text, "group_{group:05}:");
            }
            "json" if first => {
                let open = if at == 0 { "{\n" } else { "\n  },\n" };
                let _ = writeln!(text, "{open}  \"group_{group:05}\": {{");
            }
            "ini" if first => {
                let _ = writeln!(text, "[group_{group:05}]");
            }
            _ => {}
        }
        let _ = match format {
            "yaml" => writeln!(text, "  key_{at:06}: {value}"),
            "json" => {
                write!(text, "{}    \"key_{at:06}\": \"{value}\"", if first { "" } else { ",\n" })
            }
            "ini" => writeln!(text, "key_{at:06} = {value}"),
            _ => writeln!(text, "KEY_{at:06}={value}"),
        };
    }
    if format == "json" {
        text += "\n  }\n}\n";
    }
    text
}

/// A YAML document whose values all stand at the top.
pub(super) fn flat_yaml(values: usize) -> String {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    (0..values).map(|at| format!("key_{at:06}: {}\n", random.value())).collect()
}

/// A xorshift generator: good enough for values that only have to differ.
struct Random(u64);

impl Random {
    fn value(&mut self) -> String {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        // A letter first, so that it is text in every format.
        format!("v{:015x}", self.0 >> 4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_json_and_every_value_is_there() {
        let document: serde_json::Value = serde_json::from_str(&grouped("json", 250)).unwrap();
        let groups = document.as_object().unwrap();
        let sizes: Vec<_> = groups.values().map(|group| group.as_object().unwrap().len()).collect();
        assert_eq!(sizes, [100, 100, 50]);
    }

    #[test]
    fn the_same_values_come_in_every_run() {
        assert_eq!(grouped("yaml", 1), "group_00000:\n  key_000000: vdc1b77ae0bf34da\n");
    }
}
