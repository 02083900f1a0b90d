//! Integers in paths.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;

use super::go_numbers::parse_integer;
use crate::frame::Failure;

/// The text of a path parameter, as the client wrote it but for its escapes.
pub(super) type PathText = Result<Path<String>, PathRejection>;

/// The parameter called `name` as an integer, and its text.
pub(super) fn integer(name: &str, parameter: PathText) -> Result<(i64, String), Failure> {
    let wrong = |reason| Failure::invalid(format!("integer expected in path for {name}: {reason}"));
    let Path(text) = parameter.map_err(|rejection| wrong(rejection.body_text()))?;
    let number = parse_integer("ParseInt", &text).map_err(wrong)?;
    Ok((number, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_an_integer() {
        let text = |text: &str| integer("id", Ok(Path(text.to_owned())));
        assert_eq!(text("-7").unwrap(), (-7, "-7".to_owned()));
        assert_eq!(text("+07").unwrap(), (7, "+07".to_owned()));
        for wrong in ["x", "1.5", "", "99999999999999999999"] {
            let failure = text(wrong).unwrap_err();
            assert_eq!(failure.kind(), crate::frame::FailureKind::Invalid);
            assert!(
                failure
                    .message()
                    .starts_with("integer expected in path for id: strconv.ParseInt: "),
                "{}",
                failure.message()
            );
        }
    }
}
