//! A tree as YAML text when there is no layout to follow: block style, as the reference indents
//! it (format §7.1), and flow style for places inside `[…]` and `{…}`.

use super::render::{self, Room};
use crate::tree::{Comment, CommentForm, Entry, Item, List, Mapping, Node};

/// Writes block style.
#[derive(Debug)]
pub(super) struct Emitter {
    pub(super) out: String,
    step: usize,
    line_break: &'static str,
}

impl Emitter {
    /// With `step` blanks per level.
    pub(super) fn new(step: usize, line_break: &'static str) -> Self {
        Self { out: String::new(), step, line_break }
    }

    /// The column of what stands one level deeper than `column`: the next multiple of the step.
    fn deeper(&self, column: usize) -> usize {
        self.step * ((column + self.step) / self.step)
    }

    /// All entries of a mapping, each on lines of its own, the keys at `column`.
    pub(super) fn mapping(&mut self, mapping: &Mapping, column: usize) {
        self.entries(mapping, column, false);
    }

    /// The value behind `key:` or `-`, with the line's end. `column` is that of the key or dash.
    pub(super) fn value(&mut self, node: &Node, column: usize, in_list: bool, inline: &[&Comment]) {
        let end = |this: &mut Self| {
            for comment in inline {
                this.out.push_str(" #");
                this.out.push_str(&text_of(comment).replace(['\n', '\r'], " "));
            }
            this.out.push_str(this.line_break);
        };
        match node {
            Node::Leaf(leaf) => {
                self.out.push(' ');
                let indent = if in_list { column + 2 } else { self.deeper(column) };
                let room = Room { flow: false, indent, line_break: self.line_break };
                let text = render::plain(super::model::Shape::Plain, room, &leaf.value);
                match text.split_once(self.line_break) {
                    // The comment has to stand behind a block scalar's header.
                    Some((header, content)) if text.starts_with('|') => {
                        self.out.push_str(header);
                        end(self);
                        self.out.push_str(content);
                        self.out.push_str(self.line_break);
                    }
                    _ => {
                        self.out.push_str(&text);
                        end(self);
                    }
                }
            }
            Node::Map(mapping) if mapping.pairs().next().is_none() => {
                self.out.push_str(" {}");
                end(self);
            }
            Node::List(list) if list.values().next().is_none() => {
                self.out.push_str(" []");
                end(self);
            }
            Node::Map(mapping) if in_list && inline.is_empty() => {
                self.out.push(' ');
                self.entries(mapping, column + 2, true);
            }
            Node::Map(mapping) => {
                end(self);
                let column = if in_list { column + 2 } else { self.deeper(column) };
                self.mapping(mapping, column);
            }
            Node::List(list) if in_list && inline.is_empty() => {
                self.out.push(' ');
                self.items(list, column + 2, true);
            }
            Node::List(list) => {
                end(self);
                let column = if in_list { column + 2 } else { self.deeper(column) };
                self.items(list, column, false);
            }
        }
    }

    fn entries(&mut self, mapping: &Mapping, column: usize, mut begun: bool) {
        let mut inline = Vec::new();
        for entry in &mapping.entries {
            match entry {
                Entry::Comment(comment) if comment.form == CommentForm::Inline => {
                    inline.push(comment)
                }
                Entry::Comment(comment) => self.comment(comment, column, &mut begun),
                Entry::Pair(pair) => {
                    self.begin(column, &mut begun);
                    let room = Room { flow: false, indent: column, line_break: self.line_break };
                    self.out.push_str(&key(&pair.key, room));
                    self.out.push(':');
                    self.value(&pair.value, column, false, &inline);
                    inline.clear();
                }
            }
        }
        for comment in inline {
            self.comment(comment, column, &mut begun);
        }
    }

    /// All items of a list, each behind a dash at `column`.
    pub(super) fn items(&mut self, list: &List, column: usize, mut begun: bool) {
        let mut inline = Vec::new();
        for item in &list.items {
            match item {
                Item::Comment(comment) if comment.form == CommentForm::Inline => {
                    inline.push(comment)
                }
                Item::Comment(comment) => self.comment(comment, column, &mut begun),
                Item::Value(node) => {
                    self.begin(column, &mut begun);
                    self.out.push('-');
                    self.value(node, column, true, &inline);
                    inline.clear();
                }
            }
        }
        for comment in inline {
            self.comment(comment, column, &mut begun);
        }
    }

    fn comment(&mut self, comment: &Comment, column: usize, begun: &mut bool) {
        for line in text_of(comment).split(['\n', '\r']) {
            self.begin(column, begun);
            self.out.push('#');
            self.out.push_str(line);
            self.out.push_str(self.line_break);
        }
    }

    /// Blanks up to the column, unless the line has been begun by a dash.
    fn begin(&mut self, column: usize, begun: &mut bool) {
        if !std::mem::take(begun) {
            self.out.extend(std::iter::repeat_n(' ', column));
        }
    }
}

fn text_of(comment: &Comment) -> String {
    String::from_utf8_lossy(comment.text.expose()).into_owned()
}

/// A key: bare, or quoted where it must be.
pub(super) fn key(text: &str, room: Room) -> String {
    if text == "<<" { text.to_owned() } else { render::free(text, Room { flow: true, ..room }) }
}

/// A node in flow style on one line, comments left out. Texts are quoted like JSON.
pub(super) fn flow(node: &Node) -> String {
    match node {
        Node::Leaf(leaf) => {
            let room = Room { flow: true, indent: 0, line_break: "\n" };
            render::plain(super::model::Shape::Double, room, &leaf.value)
        }
        Node::List(list) => {
            let items: Vec<_> = list.values().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        Node::Map(mapping) => {
            let pairs: Vec<_> = mapping
                .pairs()
                .map(|pair| format!("{}: {}", render::double(&pair.key), flow(&pair.value)))
                .collect();
            format!("{{{}}}", pairs.join(", "))
        }
    }
}
