use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Debug, Default, PartialEq)]
struct Inner {
    host_name: String,
}

go_object!(Inner { "hostName" => host_name });

#[derive(Debug, Default, PartialEq)]
struct Outer {
    number: i64,
    small: i32,
    share: f64,
    text: String,
    maybe: Option<i64>,
    list: Vec<i32>,
    inner: Vec<Inner>,
    map: BTreeMap<String, String>,
}

go_object!(Outer {
    "number" => number,
    "small" => small,
    "share" => share,
    "text" => text,
    "maybe" => maybe,
    "list" => list,
    "inner" => inner,
    "map" => map,
});

fn good(body: &str) -> Outer {
    decode(body.as_bytes()).unwrap()
}

fn bad(body: &str) -> String {
    decode::<Outer>(body.as_bytes()).unwrap_err().to_string()
}

#[test]
fn names_match_whatever_their_case_at_every_level() {
    let outer = good(r#"{"NUMBER":1,"iNNer":[{"HOSTname":"a"}],"Map":{"Key":"v"}}"#);
    assert_eq!(outer.number, 1);
    assert_eq!(outer.inner[0].host_name, "a");
    assert_eq!(outer.map["Key"], "v");
}

#[test]
fn null_is_the_same_as_absent() {
    assert_eq!(
        good(
            r#"{"number":null,"small":null,"share":null,"text":null,"maybe":null,"list":null,"inner":null,"map":null}"#
        ),
        Outer::default()
    );
    assert_eq!(good("null"), Outer::default());
    assert_eq!(good(r#"{"text":"kept","text":null}"#).text, "kept");
    assert_eq!(good(r#"{"maybe":0}"#).maybe, Some(0));
}

#[test]
fn an_element_that_is_null_is_the_zero_value() {
    let outer = good(r#"{"list":[1,null],"inner":[null],"map":{"a":null}}"#);
    assert_eq!(outer.list, [1, 0]);
    assert_eq!(outer.inner, [Inner::default()]);
    assert_eq!(outer.map["a"], "");
}

#[test]
fn of_a_repeated_member_the_last_counts() {
    let outer = good(
        r#"{"number":1,"list":[1,2,3],"map":{"a":"1"},"Number":2,"list":[4],"map":{"b":"2","b":"3"}}"#,
    );
    assert_eq!(outer.number, 2);
    assert_eq!(outer.list, [4]);
    assert_eq!(
        outer.map,
        BTreeMap::from([("b".to_owned(), "3".to_owned())])
    );
}

#[test]
fn what_follows_the_first_value_is_ignored() {
    for rest in ["}}}", " {\"number\":2}", "\u{0}", "nonsense"] {
        assert_eq!(good(&format!("{{\"number\":1}}{rest}")).number, 1);
    }
}

#[test]
fn integers_are_integers_and_fit() {
    assert_eq!(good(r#"{"number":9223372036854775807}"#).number, i64::MAX);
    assert_eq!(good(r#"{"number":-9223372036854775808}"#).number, i64::MIN);
    assert_eq!(good(r#"{"small":2147483647}"#).small, i32::MAX);
    assert_eq!(good(r#"{"small":-2147483648}"#).small, i32::MIN);
    for wrong in [
        r#"{"number":1.5}"#,
        r#"{"number":1.0}"#,
        r#"{"number":1e3}"#,
        r#"{"number":"1"}"#,
        r#"{"number":true}"#,
        r#"{"number":[1]}"#,
        r#"{"number":9223372036854775808}"#,
        r#"{"number":-9223372036854775809}"#,
        r#"{"number":1e400}"#,
        r#"{"small":2147483648}"#,
        r#"{"small":-2147483649}"#,
        r#"{"list":[2147483648]}"#,
        r#"{"number":01}"#,
        r#"{"number":+1}"#,
    ] {
        bad(wrong);
    }
}

#[test]
fn numbers_may_be_written_as_integers() {
    assert!((good(r#"{"share":-2}"#).share + 2.0).abs() < f64::EPSILON);
    assert!((good(r#"{"share":1e-1}"#).share - 0.1).abs() < f64::EPSILON);
    bad(r#"{"share":"0.5"}"#);
}

#[test]
fn text_that_is_no_unicode_is_repaired() {
    let outer: Outer = decode(b"{\"text\":\"a\xffb\\ud800c\"}").unwrap();
    assert_eq!(outer.text, "a\u{FFFD}b\u{FFFD}c");
}

#[test]
fn messages_say_what_is_wrong_where() {
    for (body, message) in [
        (r#"{"nubmer":1}"#, r#"json: unknown field "nubmer""#),
        (r#"{"inner":[{"x":1}]}"#, r#"json: unknown field "x""#),
        (
            r#"{"number":"1"}"#,
            r#"invalid type: string "1", expected an integer of 64 bits for "number""#,
        ),
        (
            r#"{"small":1.5}"#,
            r#"invalid type: floating point `1.5`, expected an integer of 32 bits for "small""#,
        ),
        (
            r#"{"map":{"a":1}}"#,
            r#"invalid type: integer `1`, expected a string for "map""#,
        ),
        (
            r#"{"inner":{}}"#,
            r#"invalid type: map, expected an array for "inner""#,
        ),
        (
            "[]",
            r#"invalid type: sequence, expected an object for "the body""#,
        ),
        (
            r#"{"text":"\u0000"}"#,
            r#"there is a NUL character in "text""#,
        ),
        (
            r#"{"map":{"a\u0000":"b"}}"#,
            r#"there is a NUL character in "map""#,
        ),
        ("", "EOF while parsing a value at line 1 column 0"),
        (
            r#"{"number":1"#,
            "EOF while parsing an object at line 1 column 11",
        ),
        (
            "{\"text\":\"a\nb\"}",
            "control character (\\u0000-\\u001F) found while parsing a string at line 2 column 0",
        ),
    ] {
        assert_eq!(bad(body), message, "{body}");
    }
}

#[test]
fn depth_is_an_error_and_no_overflow() {
    for open in ["[", "{\"inner\":[", "{\"a\":", "{\"list\":[["] {
        bad(&open.repeat(100_000));
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode::<Outer>(&body);
    }

    #[test]
    fn no_text_like_json_makes_it_panic(body in r#"(\{|\}|\[|\]|,|:|"|\\|\\u|d83d|de00|null|1|-|\.|e|é|number|inner|map| ){0,40}"#) {
        let _ = decode::<Outer>(body.as_bytes());
    }

    #[test]
    fn what_serde_writes_is_read(number: i64, small: i32, text in "[^\u{0}]*", list: Vec<i32>) {
        let body = serde_json::json!({"number": number, "small": small, "text": text, "list": list});
        let outer = decode::<Outer>(body.to_string().as_bytes()).unwrap();
        prop_assert_eq!(outer, Outer { number, small, text, list, ..Outer::default() });
    }
}
