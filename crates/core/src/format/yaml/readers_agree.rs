//! Reading line by line says what reading with the parser says, or says nothing: the second source
//! of everything in `lines.rs` is the parser.

use proptest::prelude::*;

use super::parse::{by_lines, by_parser};

/// Both readings of a text; `true` if it could be read line by line at all.
fn agree(text: &str) -> bool {
    let Some(lines) = by_lines(text) else { return false };
    let parser = match by_parser(text) {
        Ok(read) => read,
        Err(error) => panic!("only the lines read this ({error}):\n{text}"),
    };
    assert_eq!(lines.tree, parser.tree, "another tree of:\n{text}");
    let sites = [format!("{:#?}", lines.site), format!("{:#?}", parser.site)];
    if sites[0] != sites[1] {
        let differs = sites[0].lines().zip(sites[1].lines()).find(|(a, b)| a != b);
        panic!("other places ({differs:?}) of:\n{text}\n{}\n{}", sites[0], sites[1]);
    }
    assert_eq!(format!("{:?}", lines.section), format!("{:?}", parser.section), "{text}");
    true
}

#[test]
fn common_documents_are_read_line_by_line() {
    for text in [
        "a: 1\n",
        "a: 1",
        "# first\n\na: 1 # beside\n  # deep\n# last\n",
        "---\na: b\n",
        "a:\n  b: c\n  d:\n    - 1\n    - x: y\n      z: 'w'\n  # in a\n# outside\ne: \"f\"  # g\n",
        "a:\n- 1\n- k: v\n  l:\n  - m\n# c\nb:\n",
        "a:\n  b:\nc:   # d\n  e: f\n",
        "a: |\n  text\n  # text\n\nb: 1\nc: [1,\n  2]\nd: x\n",
        "a: é – “x” ü # ö\nb: http://x:1/y#z\n",
        "a: ENC[AES256_GCM,data:Rw==,iv:AAAA,tag:AAAA,type:str]\nsops:\n  age:\n    - enc: |\n        x\n",
        "a:\n  - b\n\n  - c\n  \nd: e\n",
        "a:\n    - b:\n        - c\n    - d: e\n      # f\n      g: h\n",
    ] {
        assert!(agree(text), "not read line by line:\n{text}");
    }
}

#[test]
fn what_lines_do_not_tell_is_left_to_the_parser() {
    for text in [
        "",
        "# only a comment\n",
        "a: 1\r\n",
        "a:\t1\n",
        "a: 1\n---\nb: 2\n",
        "%YAML 1.2\n---\na: 1\n",
        "a: &x 1\nb: *x\n",
        "a: b\n c\n",
        "a: b\n c: d\n",
        "a: 1\na: 2\n",
        "- a\n",
        "{a: 1}\n",
        "a: b: c\n",
        "a: 'b\n",
        "a:\n  - b\n c: d\n",
        "a: b\n- c\n",
        "\u{FEFF}a: 1\n",
        "a: 1\u{85}b: 2\n",
        "  a: 1\n",
        "a: \"x\nb: y\nc: z\"\n",
    ] {
        agree(text);
    }
}

/// Lines of which documents are put together: most fit, some do not.
fn line() -> impl Strategy<Value = String> {
    let indent =
        prop_oneof![4 => Just(0), 4 => Just(2), 3 => Just(4), 2 => Just(6), 1 => 0..9_usize];
    let body = prop_oneof![
        6 => "[a-e]: (x|1|true|~|0x1f|x y|x:y|x#y|-1|--|-|2024-01-02|é|#)",
        3 => "[a-e]:",
        2 => "[a-e]: (\"x y\"|'x'|\"\"|''|\"a\\\\n\"|'it''s'|\"x\" y|\"x: y\"|'x #y')",
        2 => "- (x|1|a: 1|a:|'x'|- y|\"x\"|#c|-|http://x)",
        1 => "-",
        2 => "# ?c?",
        1 => "[a-e]: x +# c",
        1 => "[a-e]: +# c",
        1 => "[a-e]: (\\||>|\\|-|\\|2|>\\+)",
        1 => "[a-e]: (\\[1, 2\\]|\\{a: 1\\}|\\[|&a x|\\*a|!!str 1)",
        1 => "(\"k\"|'k'|\\?|k k|1|<<|k:k): ?x?",
        1 => "[a-z ]{0,3}",
        1 => Just(String::new()),
        1 => "(---|\\.\\.\\.|%x|\\}|\\]|:|\\? a|: b)",
    ];
    (indent, body, 0..2_usize).prop_map(|(indent, body, trail)| {
        format!("{}{body}{}", " ".repeat(indent), " ".repeat(trail))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn both_readers_say_the_same(lines in prop::collection::vec(line(), 1..14), end in any::<bool>()) {
        let text = lines.join("\n") + if end { "\n" } else { "" };
        agree(&text);
    }

    #[test]
    fn both_readers_say_the_same_of_nested_documents(seed in prop::collection::vec(0..12_u8, 1..40)) {
        agree(&nested(&seed));
    }
}

/// A document whose indentation is right, made of choices.
fn nested(choices: &[u8]) -> String {
    let mut text = String::new();
    let mut levels: Vec<(usize, bool)> = vec![(0, false)];
    let mut waits = false;
    for (number, choice) in choices.iter().enumerate() {
        if waits {
            let (outer, list) = levels[levels.len() - 1];
            let into_list = choice % 3 == 0;
            let same = into_list && !list && choice % 2 == 0;
            let column = if same { outer } else { outer + 2 + usize::from(*choice == 5) };
            levels.push((column, into_list));
        } else if choice % 4 == 1 && levels.len() > 1 {
            levels.pop();
        }
        let (column, list) = levels[levels.len() - 1];
        let indent = " ".repeat(column);
        waits = false;
        if *choice == 7 {
            text += &format!("{indent}# c{number}\n");
        }
        if *choice == 8 {
            text += "\n";
        }
        text += &match (list, choice % 6) {
            (true, 0) => format!("{indent}- v{number}\n"),
            (true, 1) => {
                levels.push((column + 2, false));
                format!("{indent}- k{number}: v # c\n")
            }
            (true, _) => format!("{indent}- \"q{number}\"\n"),
            (false, 2 | 3) => {
                waits = true;
                format!("{indent}k{number}:\n")
            }
            (false, 4) => format!("{indent}k{number}:  'v'   # c\n"),
            (false, 5) if column == 0 => format!("k{number}: |\n  b\n  # b\n"),
            (false, _) => format!("{indent}k{number}: v {number}\n"),
        };
    }
    text
}
