//! The names that Go knows in `\p{…}`: general categories with their aliases, and scripts.

/// What stands behind a name.
pub(super) enum Property {
    /// A category or script, by the name that both libraries have for it.
    Named(&'static str),
    /// The surrogates, which occur in no text.
    Surrogates,
}

/// Finds a property as Go does: without regard to case, blanks, `_` and `-`.
///
/// Go 1.25 and 1.26 miss the scripts of two words, which older versions find; they are found here.
pub(super) fn find(name: &str) -> Option<Property> {
    let wanted = plain(name);
    if ["cs", "surrogate"].contains(&wanted.as_str()) {
        return Some(Property::Surrogates);
    }
    CATEGORIES
        .split_ascii_whitespace()
        .chain(SCRIPTS.split_ascii_whitespace())
        .find(|known| plain(known) == wanted)
        .map(Property::Named)
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| !"_- ".contains(*c)).map(|c| c.to_ascii_lowercase()).collect()
}

const CATEGORIES: &str = "Any ASCII Assigned \
C Cc Cf Cn Co L LC Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl \
Zp Zs Cased_Letter Close_Punctuation Combining_Mark Connector_Punctuation Control \
Currency_Symbol Dash_Punctuation Decimal_Number Enclosing_Mark Final_Punctuation Format \
Initial_Punctuation Letter Letter_Number Line_Separator Lowercase_Letter Mark Math_Symbol \
Modifier_Letter Modifier_Symbol Nonspacing_Mark Number Open_Punctuation Other Other_Letter \
Other_Number Other_Punctuation Other_Symbol Paragraph_Separator Private_Use Punctuation Separator \
Space_Separator Spacing_Mark Symbol Titlecase_Letter Unassigned Uppercase_Letter cntrl digit \
punct";

const SCRIPTS: &str = "Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum \
Bassa_Vah Batak Bengali Bhaiksuki Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal \
Carian Caucasian_Albanian Chakma Cham Cherokee Chorasmian Common Coptic Cuneiform Cypriot \
Cypro_Minoan Cyrillic Deseret Devanagari Dives_Akuru Dogra Duployan Egyptian_Hieroglyphs Elbasan \
Elymaic Ethiopic Georgian Glagolitic Gothic Grantha Greek Gujarati Gunjala_Gondi Gurmukhi Han \
Hangul Hanifi_Rohingya Hanunoo Hatran Hebrew Hiragana Imperial_Aramaic Inherited \
Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada Katakana Kawi Kayah_Li \
Kharoshthi Khitan_Small_Script Khmer Khojki Khudawadi Lao Latin Lepcha Limbu Linear_A Linear_B \
Lisu Lycian Lydian Mahajani Makasar Malayalam Mandaic Manichaean Marchen Masaram_Gondi \
Medefaidrin Meetei_Mayek Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi Mongolian \
Mro Multani Myanmar Nabataean Nag_Mundari Nandinagari New_Tai_Lue Newa Nko Nushu \
Nyiakeng_Puachue_Hmong Ogham Ol_Chiki Old_Hungarian Old_Italic Old_North_Arabian Old_Permic \
Old_Persian Old_Sogdian Old_South_Arabian Old_Turkic Old_Uyghur Oriya Osage Osmanya Pahawh_Hmong \
Palmyrene Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic Samaritan Saurashtra \
Sharada Shavian Siddham SignWriting Sinhala Sogdian Sora_Sompeng Soyombo Sundanese Syloti_Nagri \
Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Takri Tamil Tangsa Tangut Telugu Thaana Thai \
Tibetan Tifinagh Tirhuta Toto Ugaritic Vai Vithkuqi Wancho Warang_Citi Yezidi Yi Zanabazar_Square";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_known_to_the_engine() {
        for name in CATEGORIES.split_ascii_whitespace().chain(SCRIPTS.split_ascii_whitespace()) {
            assert!(regex::Regex::new(&format!(r"\p{{{name}}}")).is_ok(), "{name}");
        }
    }

    #[test]
    fn names_are_found_however_they_are_spelled() {
        for name in ["Lu", "lu", "uppercase letter", "Uppercase-Letter", "GREEK", "Old_Italic"] {
            assert!(find(name).is_some(), "{name}");
        }
        assert!(find("Alphabetic").is_none());
        assert!(find("Grek").is_none());
    }
}
