//! Generated JSON files.

use crate::case::{MARKER, Step, Text};
use crate::rng::Rng;
use crate::words;

/// An object, laid out as one of the usual programs would or as nobody would.
pub(crate) fn generate(rng: &mut Rng) -> Text {
    let layout = *rng.pick(&[
        Layout { line: "\n", step: "  ", colon: ": " },
        Layout { line: "\n", step: "\t", colon: ": " },
        Layout { line: "", step: "", colon: ":" },
        Layout { line: "\r\n", step: "    ", colon: " :  " },
    ]);
    let mut writer = Writer { rng, layout, out: String::new(), text: Text::default(), number: 0 };
    writer.object(&mut Vec::new(), 0);
    if writer.rng.percent(80) {
        writer.out.push('\n');
    }
    let mut text = writer.text;
    text.bytes = writer.out.into_bytes();
    text
}

#[derive(Clone, Copy)]
struct Layout {
    line: &'static str,
    step: &'static str,
    colon: &'static str,
}

struct Writer<'r> {
    rng: &'r mut Rng,
    layout: Layout,
    out: String,
    text: Text,
    number: usize,
}

impl Writer<'_> {
    fn line(&mut self, depth: usize) {
        self.out.push_str(self.layout.line);
        self.out.push_str(&self.layout.step.repeat(depth));
    }

    fn object(&mut self, path: &mut Vec<Step>, depth: usize) {
        self.out.push('{');
        let count = if depth == 0 { self.rng.between(0, 6) } else { self.rng.between(0, 3) };
        for at in 0..count {
            self.line(depth + 1);
            self.number += 1;
            let (written, key) = self.key();
            self.out.push_str(&format!("\"{written}\"{}", self.layout.colon));
            path.push(Step::Key(key));
            self.value(path, depth + 1);
            path.pop();
            if at + 1 < count || depth == 0 {
                self.out.push(',');
            }
        }
        if depth == 0 {
            self.line(1);
            self.out.push_str(&format!("\"marker\"{}\"{MARKER}\"", self.layout.colon));
            self.text.leaves.push(vec![Step::Key("marker".to_owned())]);
            self.line(0);
        } else if count > 0 {
            self.line(depth);
        }
        self.out.push('}');
    }

    /// A key as it is written and as it reads.
    fn key(&mut self) -> (String, String) {
        let n = self.number;
        match self.rng.below(16) {
            0 => (format!("{n}: with: colons"), format!("{n}: with: colons")),
            1 => (format!("\\u00fc\\/{n}"), format!("ü/{n}")),
            2 => (format!("鍵 {n} 😀"), format!("鍵 {n} 😀")),
            _ => {
                let name = words::name(self.rng, n);
                (name.clone(), name)
            }
        }
    }

    fn value(&mut self, path: &mut Vec<Step>, depth: usize) {
        if depth < 5 && self.rng.percent(30) {
            if self.rng.percent(60) {
                return self.object(path, depth);
            }
            return self.list(path, depth);
        }
        self.text.leaves.push(path.clone());
        let scalar = match self.rng.below(8) {
            0 => (*self.rng.pick(&["null", "true", "false", "\"\"", "{}", "[]"])).to_owned(),
            1 => number(self.rng),
            2 => "\"esc \\n \\t \\\" \\\\ \\/ \\u00e9 \\ud83d\\ude00 \\u0001\"".to_owned(),
            3 => "\"<html> & \u{2028} é 😀\"".to_owned(),
            4 => "\"true\"".to_owned(),
            5 => "\"12\"".to_owned(),
            _ => format!("\"{}\"", words::secret(self.rng)),
        };
        self.out.push_str(&scalar);
    }

    fn list(&mut self, path: &mut Vec<Step>, depth: usize) {
        let count = self.rng.between(0, 4);
        let same = self.rng.percent(30);
        self.out.push('[');
        for at in 0..count {
            self.line(depth + 1);
            path.push(Step::Index(at));
            if same {
                self.out.push_str("\"the same\"");
                self.text.leaves.push(path.clone());
            } else {
                self.value(path, depth + 1);
            }
            path.pop();
            if at + 1 < count {
                self.out.push(',');
            }
        }
        if count > 0 {
            self.line(depth);
        }
        self.out.push(']');
    }
}

fn number(rng: &mut Rng) -> String {
    const NUMBERS: [&str; 26] = [
        "0",
        "-1",
        "12",
        "9223372036854775807",
        "-9223372036854775808",
        "1.5",
        "2.50",
        "1.0",
        "1e3",
        "1E-7",
        "1e21",
        "0.1",
        "-2.5e10",
        "123456789012345678",
        "9007199254740991",
        "9007199254740993",
        "-9007199254740993",
        "9223372036854775806",
        "18446744073709551615",
        "-9223372036854775809",
        "1.7976931348623157e308",
        "5e-324",
        "-0.0",
        "0.1e1",
        "1e6",
        "0.000001",
    ];
    (*rng.pick(&NUMBERS)).to_owned()
}
