//! Comments: gathered from lines, and put back line by line.

use super::{
    super::layout::{Edit, Refusal},
    BOM,
    place::{Beside, Piece},
    value::line_end,
};

/// The text of a comment, as the reference takes it: the lines from their markers on, without the
/// first line's markers and blanks and without the blanks at the end. Trims the pieces alike.
///
/// The markers that stay behind a token are no text of a sealed comment.
pub(super) fn gather(source: &str, pieces: &mut [Piece]) -> String {
    if let Some(last) = pieces.last_mut() {
        let text = &source[last.marker..last.content.end];
        last.content.end = last.marker + text.trim_end().len();
    }
    let Some((first, others)) = pieces.split_first_mut() else {
        return String::new();
    };
    let line = &source[first.marker..first.content.end];
    let stripped = line.trim_start_matches([&line[..1], " "].map(first_char));
    first.content.start = first.content.end - stripped.len();
    let mut text = stripped.to_owned();
    for other in others.iter_mut() {
        other.content.start = other.marker + 1;
        text.push('\n');
        text.push_str(&source[other.marker..other.content.end]);
    }
    let skeleton = others.iter().all(|other| other.content.is_empty());
    if skeleton && stripped.starts_with("ENC[") { stripped.to_owned() } else { text }
}

fn first_char(text: &str) -> char {
    text.chars().next().unwrap_or(' ')
}

/// Puts the token of a sealed comment in; the markers of its other lines stay.
///
/// A token beside a header would end with the bracket that closes the section's name. So it comes
/// above the header, with the markers and blanks that stood before the text, and a lone marker
/// stays beside the header.
pub(super) fn seal(edits: &mut Vec<Edit<'static>>, source: &str, pieces: &[Piece], token: &str) {
    if let [Piece { marker, content, beside: Beside::Header }] = pieces {
        let start = line_start(source, *marker);
        let lead = &source[*marker..content.start];
        let line_break = line_break_at(source, *marker);
        edits.push(Edit::new(start..start, format!("{lead}{token}{line_break}")));
        edits.push(Edit::new(*marker..content.end, &lead[..1]));
        return;
    }
    let mut text = token;
    for piece in pieces {
        edits.push(Edit::new(piece.content.clone(), text));
        text = "";
    }
}

/// Puts the text of a comment back, each line where it was. If there are now more lines than
/// places, they come behind the last place that is a line; if there are fewer, places go.
pub(super) fn open(
    edits: &mut Vec<Edit<'static>>,
    source: &str,
    pieces: &[Piece],
    text: &str,
) -> Result<(), Refusal> {
    if let [above, Piece { marker, content, beside: Beside::Header }] = pieces
        && above.beside == Beside::Nothing
        && content.is_empty()
        && !text.contains('\n')
    {
        // Two places for one line: sealing had moved it, see above.
        let lead = &source[above.marker..above.content.start];
        edits.push(Edit::new(whole(source, above), ""));
        edits.push(Edit::new(*marker..content.end, format!("{lead}{text}")));
        return Ok(());
    }
    let lines: Vec<&str> = text.split('\n').collect();
    let more = lines.len().saturating_sub(pieces.len());
    let own_line = pieces.iter().rposition(|piece| piece.beside == Beside::Nothing);
    if more > 0 && own_line.is_none() {
        return Err(Refusal::of("a comment of several lines beside something"));
    }
    let mut lines = lines.into_iter();
    for (index, piece) in pieces.iter().enumerate() {
        let Some(line) = lines.next() else {
            edits.push(Edit::new(whole(source, piece), ""));
            continue;
        };
        if index == 0 {
            edits.push(Edit::new(piece.content.clone(), line));
        } else {
            edits.push(Edit::new(piece.marker..piece.content.end, with_marker(line)));
        }
        if Some(index) == own_line && more > 0 {
            let start = line_start(source, piece.marker);
            let line_break = line_break_at(source, piece.marker);
            let mut text = String::new();
            for line in lines.by_ref().take(more) {
                text.push_str(line_break);
                text.push_str(&source[start..piece.marker]);
                text.push_str(&with_marker(line));
            }
            edits.push(Edit::new(piece.content.end..piece.content.end, text));
        }
    }
    Ok(())
}

/// Lines behind the first keep their markers in the text; those of other formats have none.
pub(super) fn with_marker(line: &str) -> String {
    if line.starts_with([';', '#']) { line.to_owned() } else { format!("; {line}") }
}

/// The piece with its line, or with the blanks before it.
fn whole(source: &str, piece: &Piece) -> std::ops::Range<usize> {
    let start = line_start(source, piece.marker);
    if piece.beside != Beside::Nothing {
        let before = source[start..piece.marker].trim_end_matches([' ', '\t']).len();
        start + before..piece.content.end
    } else {
        start..line_end(source, piece.marker).1
    }
}

/// Where the line begins on which `at` stands, behind a byte order mark.
fn line_start(source: &str, at: usize) -> usize {
    match source[..at].rfind('\n') {
        Some(line_break) => line_break + 1,
        None if source.starts_with(BOM) => BOM.len(),
        None => 0,
    }
}

/// The line break that ends the line on which `at` stands; LF if none does.
fn line_break_at(source: &str, at: usize) -> &'static str {
    let (_, next) = line_end(source, at);
    if source[..next].ends_with("\r\n") { "\r\n" } else { "\n" }
}
