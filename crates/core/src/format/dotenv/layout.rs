//! A dotenv text and where its values stand in it.

use std::ops::Range;

use super::{
    super::{
        EmitError, Format, Output,
        layout::{Edit, Layout, Lines, Refusal, Rewrite, Spot, each_spot, splice},
    },
    emit::{check_key, check_reserved, comment_text, metadata_lines, refused, value_text},
    parse::{Line, LineKind, all_crlf},
};
use crate::{
    crypto::SecretBytes,
    tree::{Mark, Node, Path, Step, Tree, Value},
};

/// A dotenv text and where its values stand in it.
#[derive(Debug)]
pub(super) struct DotenvLayout {
    source: SecretBytes,
    lines: Vec<Line>,
    slots: Vec<Range<usize>>,
    /// Whether values stand between the quotes of version 3.6.0; no longer, once rewritten.
    quoted: bool,
    numbers: Lines,
}

impl Layout for DotenvLayout {
    /// Every value has one spelling only.
    fn spelling(&self, _: Mark, _: &Value) -> Option<SecretBytes> {
        None
    }

    fn rewrite(&self, tree: &Tree, how: Rewrite<'_>) -> Result<Output, EmitError> {
        let mut edits = Vec::new();
        each_spot(tree, &mut |spot| {
            let (mark, edited) = match spot {
                Spot::Leaf(leaf) => (leaf.mark, leaf.edited),
                Spot::Comment(comment) => (comment.mark, comment.edited),
            };
            if (edited || self.quoted)
                && let Some(slot) = self.slot(mark)
            {
                let text = match spot {
                    Spot::Leaf(leaf) => value_text(&Node::Leaf(leaf.clone()))?,
                    Spot::Comment(comment) => comment_text(comment),
                };
                edits.push(Edit::new(slot, text));
            }
            Ok(())
        })
        .map_err(|refusal| refusal.into_error(Format::Dotenv))?;
        let runs = self.metadata_runs();
        match how {
            Rewrite::Plain if runs.is_empty() => Ok(splice(self.source.expose(), edits)),
            Rewrite::Plain => {
                edits.extend(runs.iter().map(|run| Edit::new(self.whole_lines(run), "")));
                Ok(self.with_blank_lines_as_the_others(splice(self.source.expose(), edits)))
            }
            Rewrite::Sealed { metadata, .. } => {
                self.with_metadata(&mut edits, &runs, metadata_lines(metadata));
                edits.extend(self.carriage_returns_of_blank_lines());
                Ok(splice(self.source.expose(), edits))
            }
        }
    }

    fn put(&self, _: &Tree, path: &Path, value: &Node) -> Result<Output, EmitError> {
        let (key, step) = match path.0.as_slice() {
            [Step::Key(key)] => (key, None),
            [Step::Key(key), step, ..] => (key, Some(step)),
            _ => return Err(Refusal::of("a list or another document").into_error(Format::Dotenv)),
        };
        check_reserved(key)?;
        let text = match step {
            None => check_key(key).and_then(|()| value_text(value)),
            Some(Step::Key(_)) => Err(Refusal::of("a mapping")),
            Some(Step::Index(_)) => Err(Refusal::of("a list")),
        };
        let text = text.map_err(|refusal| refused(refusal, key))?;
        Ok(splice(self.source.expose(), vec![self.put_text(key, &text)]))
    }

    fn remove(&self, _: &Tree, path: &Path) -> Result<Output, EmitError> {
        let line = match path.0.as_slice() {
            [Step::Key(key)] => self.line_of(key),
            _ => None,
        };
        let Some(line) = line else {
            let refusal = Refusal::of("a removal of what is not there");
            return Err(path
                .0
                .iter()
                .rev()
                .cloned()
                .fold(refusal, Refusal::below)
                .into_error(Format::Dotenv));
        };
        let edit = Edit::new(self.whole_lines(&line.place), "");
        Ok(splice(self.source.expose(), vec![edit]))
    }

    fn line(&self, mark: Mark) -> Option<usize> {
        self.slot(mark).map(|slot| self.numbers.of(self.source.expose(), slot.start))
    }
}

impl DotenvLayout {
    pub(super) fn new(
        source: SecretBytes,
        lines: Vec<Line>,
        slots: Vec<Range<usize>>,
        quoted: bool,
    ) -> Self {
        Self { source, lines, slots, quoted, numbers: Lines::default() }
    }

    fn slot(&self, mark: Mark) -> Option<Range<usize>> {
        self.slots.get(mark.number()?).cloned()
    }

    /// The first line with this key.
    fn line_of(&self, key: &str) -> Option<&Line> {
        self.lines.iter().find(|line| match line.kind {
            LineKind::Pair { equals } => {
                &self.source.expose()[line.place.start..equals] == key.as_bytes()
            }
            _ => false,
        })
    }

    /// A new value for a key, or a new line behind the last one, ended as the others are.
    fn put_text(&self, key: &str, text: &SecretBytes) -> Edit<'static> {
        let source = self.source.expose();
        let crlf = all_crlf(source, &self.lines);
        let complete = |end: usize| end < source.len();
        let mut new = Vec::with_capacity(key.len() + text.len() + 4);
        let range = match self.line_of(key) {
            Some(Line { place, kind: LineKind::Pair { equals } }) => {
                new.extend_from_slice(text.expose());
                if crlf && complete(place.end) {
                    new.push(b'\r');
                }
                equals + 1..place.end
            }
            _ => {
                let ended = source.is_empty() || source.ends_with(b"\n");
                let line_break: &[u8] = if crlf { b"\r\n" } else { b"\n" };
                if !ended {
                    // A carriage return would become part of the value before.
                    new.push(b'\n');
                }
                new.extend_from_slice(key.as_bytes());
                new.push(b'=');
                new.extend_from_slice(text.expose());
                if ended {
                    new.extend_from_slice(line_break);
                }
                source.len()..source.len()
            }
        };
        Edit::new(range, SecretBytes::new(new))
    }

    /// The spans of adjacent metadata lines, without the last one's line break.
    fn metadata_runs(&self) -> Vec<Range<usize>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        let mut adjacent = false;
        for line in &self.lines {
            let metadata = matches!(line.kind, LineKind::Metadata { .. });
            match runs.last_mut() {
                Some(run) if metadata && adjacent => run.end = line.place.end,
                _ if metadata => runs.push(line.place.clone()),
                _ => {}
            }
            adjacent = metadata;
        }
        runs
    }

    /// The lines with their line break, or with the one before them if they have none: a text
    /// without line break at its end keeps that when its last lines go.
    fn whole_lines(&self, run: &Range<usize>) -> Range<usize> {
        if run.end < self.source.len() {
            run.start..run.end + 1
        } else {
            run.start.saturating_sub(1)..run.end
        }
    }

    fn with_metadata(
        &self,
        edits: &mut Vec<Edit<'static>>,
        runs: &[Range<usize>],
        mut lines: String,
    ) {
        if let Some((first, others)) = runs.split_first() {
            edits.push(Edit::new(first.clone(), lines));
            edits.extend(others.iter().map(|run| Edit::new(self.whole_lines(run), "")));
            return;
        }
        let source = self.source.expose();
        if source.is_empty() || source.ends_with(b"\n") {
            lines.push('\n');
        } else {
            lines.insert(0, '\n');
        }
        edits.push(Edit::new(source.len()..source.len(), lines));
    }

    fn carriage_returns_of_blank_lines(&self) -> impl Iterator<Item = Edit<'static>> {
        self.lines
            .iter()
            .filter(|line| line.kind == LineKind::Blank && !line.place.is_empty())
            .map(|line| Edit::new(line.place.clone(), ""))
    }

    /// Gives blank lines the carriage returns that sealing took, if every other line has one.
    fn with_blank_lines_as_the_others(&self, plain: Output) -> Output {
        if !self.lines.iter().any(|line| line.kind == LineKind::Blank) {
            return plain;
        }
        let text = plain.expose();
        let complete =
            || text.split_inclusive(|b| *b == b'\n').filter(|line| line.ends_with(b"\n"));
        let mut others = complete().filter(|line| *line != b"\n").peekable();
        if others.peek().is_none() || !others.all(|line| line.ends_with(b"\r\n")) {
            return plain;
        }
        let mut edits = Vec::new();
        let mut at = 0;
        for line in complete() {
            if line == b"\n" {
                edits.push(Edit::new(at..at, "\r"));
            }
            at += line.len();
        }
        splice(text, edits)
    }
}
