//! Numbers in paths and queries, with the messages of Go's `strconv`, which clients' authors know.

use std::num::IntErrorKind;

/// `text` as an integer. The message names `function`, which in Go would have read it.
pub(super) fn parse_integer(function: &str, text: &str) -> Result<i64, String> {
    text.parse::<i64>().map_err(|error| {
        let reason = match error.kind() {
            IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
            _ => "invalid syntax",
        };
        format!("strconv.{function}: parsing {text:?}: {reason}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_go_says() {
        let parse = |text| parse_integer("ParseInt", text);
        assert_eq!(parse("7"), Ok(7));
        assert_eq!(parse("-7"), Ok(-7));
        assert_eq!(parse("+7"), Ok(7));
        assert_eq!(parse("9223372036854775807"), Ok(i64::MAX));
        for text in ["", "abc", "1.5", " 1", "0x1"] {
            assert_eq!(
                parse(text),
                Err(format!(
                    "strconv.ParseInt: parsing {text:?}: invalid syntax"
                ))
            );
        }
        assert_eq!(
            parse("9223372036854775808"),
            Err("strconv.ParseInt: parsing \"9223372036854775808\": value out of range".to_owned())
        );
    }
}
