//! Generated scalars, in every style that YAML has.

use crate::rng::Rng;
use crate::words;

/// Words that are not what they look like, or are: which type each has is for both programs to
/// find out.
const PLAIN: &[&str] = &[
    "",
    "~",
    "null",
    "Null",
    "true",
    "True",
    "FALSE",
    "yes",
    "No",
    "on",
    "OFF",
    "y",
    "n",
    "0",
    "-1",
    "12",
    "+12",
    "0x1F",
    "0o17",
    "017",
    "08",
    "0b101",
    "1_000",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551616",
    "1.5",
    "1.50",
    "1.0",
    ".5",
    "5.",
    "1e3",
    "1.5e-10",
    "1E21",
    "6.02e+23",
    ".inf",
    "-.inf",
    "2024-01-02",
    "2024-1-2",
    "2024-01-02T03:04:05Z",
    "2024-01-02t03:04:05.123456789+02:00",
    "2024-01-02 03:04:05.1",
    "12:30:45",
    "190:20",
    "1.2.3",
    "v1",
    "a b  c",
    "a:b",
    "http://x/y?z=%20#frag",
    "x'y\"z",
    "!!str 5",
    "!!str true",
    "!!binary aGVsbG8=",
    "!!int \"5\"",
    "!!float 5",
    "!env X",
    "<",
    "=",
    "-x",
    "?x",
    ":x",
    "ünïcödé 😀",
    "0.1",
    "1e-7",
    "123456789.123456789",
    "-0x1f",
    "0.0",
    "1__0",
];

// `\/` is missing: the reference does not know that escape.
const QUOTED: &[&str] = &[
    "''",
    "\"\"",
    "'it''s'",
    "'# no comment'",
    "\"true\"",
    "'12'",
    "\"1.0\"",
    "'~'",
    "\"a\\nb\\n\"",
    "\"tab\\there \\u00e9 \\x41 \\U0001F600 \\\\ \\\"\"",
    "' blanks '",
    "\" \"",
    "\"\\u2028 \\_ \\0\"",
    "'ENC[no'",
    "'- x'",
    "'a: b'",
    "'yes'",
    "\"{{ .Values.x }}\"",
    "'2024-01-02'",
    "\"\\e[0m\"",
    "\"trailing\\n\"",
    "\"\\nleading\"",
    "'0x1F'",
    "\"ends with blank \"",
    "'<<'",
    "\"\\u0085\"",
];

/// A value on one line; it may be empty, which is null.
pub(crate) fn on_one_line(rng: &mut Rng) -> String {
    match rng.below(10) {
        0..4 => (*rng.pick(PLAIN)).to_owned(),
        4..7 => (*rng.pick(QUOTED)).to_owned(),
        _ => words::secret(rng),
    }
}

/// A value inside brackets, where fewer signs can stand bare.
pub(crate) fn in_flow(rng: &mut Rng) -> String {
    match rng.below(10) {
        0..3 => {
            let text = *rng.pick(PLAIN);
            // The reference ends a bare value in brackets at any question mark.
            let bare = !text.is_empty() && !text.starts_with(['-', ':']) && !text.contains('?');
            if bare { text.to_owned() } else { "null".to_owned() }
        }
        3..6 => (*rng.pick(QUOTED)).to_owned(),
        _ => words::secret(rng),
    }
}

/// A plain or quoted value that goes on in the next line.
pub(crate) fn folded(rng: &mut Rng, indent: usize, out: &mut String) {
    let quote = *rng.pick(&["", "'", "\""]);
    let between = if rng.percent(25) { "\n\n" } else { "\n" };
    out.push_str(&format!("{quote}first line{between}{}second", " ".repeat(indent)));
    if rng.percent(40) {
        out.push_str(&format!("\n{}third", " ".repeat(indent)));
    }
    out.push_str(quote);
}

/// A literal or folded block, from its header to its last line break.
pub(crate) fn block(rng: &mut Rng, parent: usize, indent: usize, out: &mut String) {
    const LINES: &[&str] = &[
        "text",
        "more text here",
        "",
        "  indented more",
        "# no comment",
        "key: value",
        "- x",
        "trailing  ",
        "\ttab",
        "ünïcödé 😀",
        "-----BEGIN KEY-----",
        "MIIEpAIBAAKCAQEA7",
        "'q' \"d\"",
    ];
    let style = *rng.pick(&["|", "|", "|", ">"]);
    let chomp = *rng.pick(&["", "", "-", "+"]);
    let mut lines: Vec<&str> = (0..rng.between(1, 4)).map(|_| *rng.pick(LINES)).collect();
    // Something has to stand in it, else the indentation means nothing.
    lines.push("last");
    // Leading blanks or empty lines need the indentation told.
    let first = lines[0];
    let told = first.is_empty() || first.starts_with([' ', '\t']) || rng.percent(8);
    let header = if told { (indent - parent).to_string() } else { String::new() };
    out.push_str(&format!("{style}{header}{chomp}\n"));
    for line in lines {
        if !line.is_empty() {
            out.push_str(&" ".repeat(indent));
            out.push_str(line);
        }
        out.push('\n');
    }
    if chomp == "+" && rng.percent(50) {
        out.push('\n');
    }
}
