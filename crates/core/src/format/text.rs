//! Scalars that are no text in the formats that hold nothing else: dotenv and INI (format §7.6).

use crate::{crypto::SecretBytes, tree::Value};

/// The text of a scalar. Null is empty: the reference writes `<nil>`, which it cannot read back.
pub(crate) fn text_of(value: &Value) -> SecretBytes {
    match value {
        Value::Null => SecretBytes::default(),
        Value::Bool(bool) => bool.to_string().into(),
        Value::Int(int) => int.to_string().into(),
        Value::Float(float) => float_text(*float).into(),
        Value::Time(time) => time.to_string().into(),
        Value::Text(text) => text.clone(),
    }
}

/// Shortest digits; an exponent of two or more digits and a sign from 10⁶ up and below 10⁻⁴;
/// recognisable as a float by a dot or an `E`.
fn float_text(float: f64) -> String {
    if float.is_nan() {
        return "NaN".to_owned();
    }
    if float.is_infinite() {
        return if float > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{float:E}");
    let Some((digits, exponent)) = scientific.split_once('E') else {
        return scientific;
    };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}E{sign}{:02}", exponent.unsigned_abs())
        }
        _ => {
            let plain = float.to_string();
            if plain.contains('.') { plain } else { plain + ".0" }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_look_like_those_of_the_reference() {
        for (float, text) in [
            (1.0, "1.0"),
            (2e5, "200000.0"),
            (1e6, "1E+06"),
            (-2e10, "-2E+10"),
            (0.0001, "0.0001"),
            (0.00001, "1E-05"),
            (123456789.5, "1.234567895E+08"),
            (1e100, "1E+100"),
            (-0.0, "-0.0"),
        ] {
            assert_eq!(float_text(float), text);
        }
    }
}
