//! Generated YAML files: all styles of scalars, block and flow collections, comments where people
//! write them, anchors, several documents.

mod scalar;

use crate::case::{MARKER, Step, Text};
use crate::rng::Rng;
use crate::words;

/// One file.
pub(crate) fn generate(rng: &mut Rng) -> Text {
    let documents = if rng.percent(12) { rng.between(2, 3) } else { 1 };
    let crlf = rng.percent(8);
    let step = *rng.pick(&[2, 2, 2, 4, 3]);
    let dash = if rng.percent(50) { step } else { 0 };
    let (comments, anchors) = (rng.percent(60), rng.percent(15));
    let (odd, lines) = (rng.percent(25), rng.percent(25));
    let bom = rng.percent(4);
    let mut writer = Writer {
        rng,
        step,
        dash,
        comments,
        odd,
        lines,
        out: String::new(),
        text: Text { aliases: anchors, ..Text::default() },
        number: 0,
        first: true,
    };
    if writer.rng.percent(10) {
        writer.out.push_str("---\n");
    }
    for document in 0..documents {
        if document > 0 {
            writer.out.push_str("---\n");
            writer.first = false;
        }
        if anchors {
            writer.anchors();
        }
        writer.mapping(0, &mut Vec::new(), 0);
        if document == 0 {
            writer.marker();
        }
    }
    if writer.rng.percent(5) {
        let kept = writer.out.trim_end().len();
        writer.out.truncate(kept);
    }
    let (mut out, mut text) = (writer.out, writer.text);
    if crlf {
        out = out.replace('\n', "\r\n");
    }
    if bom {
        out.insert(0, '\u{feff}');
    }
    text.bytes = out.into_bytes();
    text
}

struct Writer<'r> {
    rng: &'r mut Rng,
    /// Blanks per level, and in front of the dash of a list.
    step: usize,
    dash: usize,
    /// Whether the author writes comments.
    comments: bool,
    /// Whether comments stand at any column.
    odd: bool,
    /// Whether collections in brackets go over several lines.
    lines: bool,
    out: String,
    text: Text,
    number: usize,
    /// Whether this is the first document, where values can be set.
    first: bool,
}

impl Writer<'_> {
    fn marker(&mut self) {
        let quote = *self.rng.pick(&["", "\"", "'"]);
        self.out.push_str(&format!("marker: {quote}{MARKER}{quote}\n"));
        self.text.leaves.push(vec![Step::Key("marker".to_owned())]);
    }

    /// Anchors whose aliases stay in the clear under the default rule.
    fn anchors(&mut self) {
        self.number += 1;
        let n = self.number;
        self.out.push_str(&format!("base{n}_unencrypted: &base{n}\n"));
        self.indent(self.step);
        self.out.push_str(&format!("region: eu-{n}\n"));
        self.out.push_str(&format!("copy{n}_unencrypted: *base{n}\n"));
        if self.rng.percent(40) {
            let list = if self.dash == 0 { "" } else { "  " };
            self.out.push_str(&format!(
                "list{n}_unencrypted: &list{n}\n{list}- *base{n}\n{list}- &item{n} x\n"
            ));
            self.out.push_str(&format!("again{n}_unencrypted: [*item{n}, *list{n}]\n"));
        }
        if self.rng.percent(50) {
            self.out.push_str(&format!("merged{n}_unencrypted:\n"));
            self.indent(self.step);
            self.out.push_str(&format!("<<: *base{n}\n"));
            self.indent(self.step);
            self.out.push_str("own: 1\n");
        }
    }

    fn indent(&mut self, indent: usize) {
        self.out.push_str(&" ".repeat(indent));
    }

    fn comment(&mut self) -> String {
        self.number += 1;
        let comment = words::comment(self.rng, self.number);
        self.text.comments.push(comment.trim().to_owned());
        format!("#{comment}")
    }

    fn comment_lines(&mut self, indent: usize, percent: usize) {
        while self.comments && self.rng.percent(percent) {
            let comment = self.comment();
            let column = if self.odd && self.rng.percent(50) {
                self.rng.between(0, indent + 4)
            } else {
                indent
            };
            self.indent(column);
            self.out.push_str(&comment);
            self.out.push('\n');
            self.blank_line();
        }
    }

    fn end_of_line(&mut self, percent: usize) {
        if self.comments && self.rng.percent(percent) {
            let comment = self.comment();
            let blanks = *self.rng.pick(&[" ", "  ", "   "]);
            self.out.push_str(&format!("{blanks}{comment}"));
        }
        self.out.push('\n');
    }

    fn blank_line(&mut self) {
        if self.rng.percent(6) {
            self.out.push('\n');
        }
    }

    fn key(&mut self) -> (String, String) {
        self.number += 1;
        let name = words::name(self.rng, self.number);
        let n = self.number;
        match self.rng.below(24) {
            0 => (format!("\"{n}: with colon\""), format!("{n}: with colon")),
            1 => (format!("'{n}'"), n.to_string()),
            2 => (format!("{name} with blank"), format!("{name} with blank")),
            3 => (format!("\"{name}\""), name),
            4 => (format!("{n}:colon"), format!("{n}:colon")),
            5 => (format!("\"\\u00fc{n}\""), format!("ü{n}")),
            6 => (format!("鍵{n}"), format!("鍵{n}")),
            _ => (name.clone(), name),
        }
    }

    fn mapping(&mut self, indent: usize, path: &mut Vec<Step>, depth: usize) {
        let count = if depth == 0 { self.rng.between(1, 5) } else { self.rng.between(1, 3) };
        for at in 0..count {
            self.blank_line();
            if at > 0 || depth == 0 {
                self.comment_lines(indent, 12);
            }
            // The first key of a mapping inside a list stands behind the dash.
            if !self.out.ends_with("- ") {
                self.indent(indent);
            }
            let (written, key) = self.key();
            self.out.push_str(&written);
            self.out.push(':');
            path.push(Step::Key(key));
            self.value(indent, path, depth);
            path.pop();
        }
        if depth > 0 {
            self.comment_lines(indent, 5);
        }
        self.text.loses_comments |= self.odd;
    }

    /// What follows `key:`, to the end of its last line.
    fn value(&mut self, indent: usize, path: &mut Vec<Step>, depth: usize) {
        match self.rng.below(100) {
            0..18 if depth < 4 => {
                self.end_of_line(8);
                self.mapping(indent + self.step, path, depth + 1);
            }
            18..34 if depth < 4 => {
                self.end_of_line(8);
                self.list(indent + self.dash, path, depth + 1);
            }
            34..46 => {
                self.out.push(' ');
                let leaves = self.text.leaves.len();
                self.flow(path, depth);
                let comments = self.text.comments.len();
                self.end_of_line(8);
                if self.text.comments.len() > comments {
                    // It becomes an entry of the collection, which the reference counts and, in
                    // an empty one, may lose.
                    self.text.leaves.truncate(leaves);
                    self.text.comments.truncate(comments);
                }
            }
            46..58 => {
                self.out.push(' ');
                self.leaf(path);
                self.block(indent);
            }
            58..62 => {
                self.out.push(' ');
                self.leaf(path);
                scalar::folded(self.rng, indent + 2, &mut self.out);
                self.out.push('\n');
            }
            _ => {
                self.leaf(path);
                let text = scalar::on_one_line(self.rng);
                if !text.is_empty() {
                    self.out.push(' ');
                }
                self.out.push_str(&text);
                let comments = self.text.comments.len();
                self.end_of_line(12);
                if self.text.comments.len() > comments {
                    self.text.beside.push(path.to_vec());
                }
            }
        }
    }

    fn leaf(&mut self, path: &[Step]) {
        if self.first {
            self.text.leaves.push(path.to_vec());
        }
    }

    fn list(&mut self, indent: usize, path: &mut Vec<Step>, depth: usize) {
        let count = self.rng.between(1, 4);
        let same = self.rng.percent(20);
        let (leaves, comments) = (self.text.leaves.len(), self.text.comments.len());
        for at in 0..count {
            self.comment_lines(indent, 8);
            self.indent(indent);
            self.out.push_str("- ");
            path.push(Step::Index(at));
            match self.rng.below(10) {
                _ if same => {
                    self.leaf(path);
                    self.out.push_str("the same");
                    self.end_of_line(5);
                }
                0..3 if depth < 4 => self.mapping(indent + 2, path, depth + 1),
                3 => {
                    self.flow(path, depth);
                    self.out.push('\n');
                }
                4 => {
                    self.leaf(path);
                    self.block(indent);
                }
                _ => {
                    self.leaf(path);
                    let text = scalar::on_one_line(self.rng);
                    self.out.push_str(if text.is_empty() { "''" } else { &text });
                    self.end_of_line(10);
                }
            }
            path.pop();
        }
        // In the reference comments count as items, and it is another item that a path names.
        if self.text.comments.len() > comments {
            self.text.leaves.truncate(leaves);
        }
    }

    fn block(&mut self, indent: usize) {
        // Some authors align the text with two blanks whatever the rest does.
        let inner = indent + if self.rng.percent(80) { self.step } else { 2 };
        scalar::block(self.rng, indent, inner, &mut self.out);
    }

    /// A collection in brackets on one line.
    fn flow(&mut self, path: &mut Vec<Step>, depth: usize) {
        let count = self.rng.between(0, 3);
        let mapping = self.rng.percent(50);
        self.out.push(if mapping { '{' } else { '[' });
        for at in 0..count {
            if at > 0 {
                self.out.push(',');
            }
            if self.lines && self.rng.percent(40) {
                self.flow_line(depth);
            } else if at > 0 {
                self.out.push(' ');
            }
            if mapping {
                let (written, key) = self.key();
                self.out.push_str(&written);
                self.out.push_str(": ");
                path.push(Step::Key(key));
            } else {
                path.push(Step::Index(at));
            }
            if depth < 4 && self.rng.percent(15) {
                self.flow(path, depth + 1);
            } else {
                self.leaf(path);
                self.out.push_str(&scalar::in_flow(self.rng));
            }
            path.pop();
        }
        if self.lines && self.rng.percent(30) {
            self.flow_line(depth);
        }
        self.out.push(if mapping { '}' } else { ']' });
    }

    /// A new line inside brackets, with comments. They are not looked for: the reference loses
    /// some of them.
    fn flow_line(&mut self, depth: usize) {
        let comments = self.text.comments.len();
        let indent = self.step * (depth + 1) + 2;
        self.end_of_line(10);
        self.comment_lines(indent, 5);
        self.indent(indent);
        if self.text.comments.len() > comments {
            self.text.comments.truncate(comments);
            self.text.loses_comments = true;
        }
    }
}
