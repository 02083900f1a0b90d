//! The language of `filter`, as Backend.AI's manager has it from 21.03 on: `name ilike "web%" & (status == "RUNNING" | tag != null)`.
//!
//! ```text
//! filter     = "!" filter | term [("&" | "|") filter]
//! term       = FIELD OPERATOR value | "(" filter ")"
//! value      = STRING | NUMBER | "null" | "true" | "false" | "[" [value {"," value}] "]"
//! ```
//! There are no ranks: `a & b | c` is `a & (b | c)` and `!a & b` is `!(a & b)`, as the manager's own parser reads them.

use std::iter::Peekable;
use std::str::CharIndices;

/// Most bytes of a filter.
pub(super) const LENGTH_LIMIT: usize = 4 * 1024;

/// Most filters inside of each other, of which each after a `&` or a `|` is one.
const DEPTH_LIMIT: usize = 64;

/// A filter.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Filter {
    All(Box<Filter>, Box<Filter>),
    Any(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
    Compare {
        field: String,
        operator: Operator,
        value: Value,
    },
}

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Contains,
    In,
    Is,
    IsNot,
    Like,
    LikeIgnoringCase,
}

/// What a field is compared with.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Decimal,
    Null,
    Boolean,
    Array(Vec<Value>),
}

/// The longest first: `is` is what `isnot` begins with.
const OPERATORS: [(&str, Operator); 12] = [
    ("contains", Operator::Contains),
    ("isnot", Operator::IsNot),
    ("ilike", Operator::LikeIgnoringCase),
    ("like", Operator::Like),
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    (">=", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    ("in", Operator::In),
    ("is", Operator::Is),
    (">", Operator::Greater),
    ("<", Operator::Less),
];

/// Reads a filter; tells what is wrong with it, and where.
pub(super) fn parse(text: &str) -> Result<Filter, String> {
    if text.len() > LENGTH_LIMIT {
        return Err(format!("a filter has at most {LENGTH_LIMIT} bytes"));
    }
    let mut parser = Parser {
        text,
        characters: text.char_indices().peekable(),
    };
    let filter = parser.filter(0)?;
    match parser.next_visible() {
        None => Ok(filter),
        Some(_) => Err(parser.expected("& or |")),
    }
}

struct Parser<'a> {
    text: &'a str,
    characters: Peekable<CharIndices<'a>>,
}

impl<'a> Parser<'a> {
    /// The next character that is no white space; it is not taken.
    fn next_visible(&mut self) -> Option<char> {
        while self
            .characters
            .next_if(|(_, one)| one.is_ascii_whitespace())
            .is_some()
        {}
        self.characters.peek().map(|(_, one)| *one)
    }

    fn expected(&mut self, what: &str) -> String {
        match self.characters.peek() {
            Some((place, _)) => format!("Query filter parsing error: {what} expected at {place}"),
            None => format!("Query filter parsing error: {what} expected at the end"),
        }
    }

    fn rest(&mut self) -> &'a str {
        let place = self.characters.peek().map(|(place, _)| *place);
        place
            .and_then(|place| self.text.get(place..))
            .unwrap_or_default()
    }

    fn skip(&mut self, characters: usize) {
        for _ in 0..characters {
            self.characters.next();
        }
    }

    fn take(&mut self, wanted: char) -> bool {
        self.next_visible() == Some(wanted) && self.characters.next().is_some()
    }

    fn filter(&mut self, depth: usize) -> Result<Filter, String> {
        if depth > DEPTH_LIMIT {
            return Err("the filter is too deep".to_owned());
        }
        if self.take('!') {
            return Ok(Filter::Not(Box::new(self.filter(depth + 1)?)));
        }
        let term = self.term(depth)?;
        match self.next_visible() {
            Some('&') => {
                self.skip(1);
                let rest = self.filter(depth + 1)?;
                Ok(Filter::All(Box::new(term), Box::new(rest)))
            }
            Some('|') => {
                self.skip(1);
                let rest = self.filter(depth + 1)?;
                Ok(Filter::Any(Box::new(term), Box::new(rest)))
            }
            _ => Ok(term),
        }
    }

    fn term(&mut self, depth: usize) -> Result<Filter, String> {
        if self.take('(') {
            let inside = self.filter(depth + 1)?;
            return if self.take(')') {
                Ok(inside)
            } else {
                Err(self.expected(")"))
            };
        }
        let field = self.field()?;
        let operator = self.operator()?;
        let value = self.value(depth)?;
        Ok(Filter::Compare {
            field,
            operator,
            value,
        })
    }

    fn field(&mut self) -> Result<String, String> {
        let first = self.next_visible();
        if !first.is_some_and(|one| one.is_ascii_alphabetic() || one == '_') {
            return Err(self.expected("the name of a field"));
        }
        let mut name = String::new();
        let is_of_name = |(_, one): &(usize, char)| one.is_ascii_alphanumeric() || *one == '_';
        while let Some((_, one)) = self.characters.next_if(is_of_name) {
            name.push(one);
        }
        Ok(name)
    }

    fn operator(&mut self) -> Result<Operator, String> {
        self.next_visible();
        let rest = self.rest();
        let mut operators = OPERATORS.iter();
        match operators.find(|(text, _)| rest.starts_with(text)) {
            Some((text, operator)) => {
                self.skip(text.len());
                Ok(*operator)
            }
            None => Err(self.expected("an operator")),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, String> {
        match self.next_visible() {
            Some('"') => self.text(),
            Some('[') if depth <= DEPTH_LIMIT => self.array(depth + 1),
            Some(one) if one.is_ascii_digit() || matches!(one, '+' | '-' | '.') => self.number(),
            _ => {
                let rest = self.rest();
                let atoms = [
                    ("null", Value::Null),
                    ("true", Value::Boolean),
                    ("false", Value::Boolean),
                ];
                let mut atoms = atoms.into_iter();
                match atoms.find(|(text, _)| rest.starts_with(text)) {
                    Some((text, value)) => {
                        self.skip(text.len());
                        Ok(value)
                    }
                    None => Err(self.expected("a value")),
                }
            }
        }
    }

    /// A quotation mark in it has a backslash before it; any other backslash is one.
    fn text(&mut self) -> Result<Value, String> {
        self.skip(1);
        let mut text = String::new();
        let mut backslashes = 0_u32;
        for (_, one) in self.characters.by_ref() {
            match one {
                '"' if backslashes.is_multiple_of(2) => return Ok(Value::Text(text)),
                '"' => {
                    text.pop();
                    text.push('"');
                }
                one => text.push(one),
            }
            backslashes = if one == '\\' { backslashes + 1 } else { 0 };
        }
        Err(self.expected("\""))
    }

    fn number(&mut self) -> Result<Value, String> {
        let mut text = String::new();
        let is_of_number = |(_, one): &(usize, char)| {
            one.is_ascii_digit() || matches!(one, '+' | '-' | '.' | 'e' | 'E')
        };
        while let Some((_, one)) = self.characters.next_if(is_of_number) {
            text.push(one);
        }
        if let Ok(integer) = text.parse() {
            Ok(Value::Integer(integer))
        } else if text.parse::<f64>().is_ok() {
            Ok(Value::Decimal)
        } else {
            Err(format!("Query filter parsing error: {text} is no number"))
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, String> {
        self.skip(1);
        let mut values = Vec::new();
        if self.take(']') {
            return Ok(Value::Array(values));
        }
        loop {
            values.push(self.value(depth)?);
            if self.take(']') {
                return Ok(Value::Array(values));
            }
            if !self.take(',') {
                return Err(self.expected(", or ]"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As `(a & b)`, so that it is seen what belongs together.
    fn shown(filter: &Filter) -> String {
        match filter {
            Filter::All(one, other) => format!("({} & {})", shown(one), shown(other)),
            Filter::Any(one, other) => format!("({} | {})", shown(one), shown(other)),
            Filter::Not(one) => format!("!{}", shown(one)),
            Filter::Compare { field, .. } => field.clone(),
        }
    }

    #[test]
    fn what_belongs_together_is_what_the_manager_says() {
        for (text, expected) in [
            ("a == 1", "a"),
            ("a==1&b==2|c==3", "(a & (b | c))"),
            ("a == 1 | b == 2 & c == 3", "(a | (b & c))"),
            ("(a == 1 | b == 2) & c == 3", "((a | b) & c)"),
            ("!a == 1 & b == 2", "!(a & b)"),
            ("!(a == 1) & b == 2", "!(a & b)"),
            ("(!a == 1) & b == 2", "(!a & b)"),
            ("! ! ((a == 1))", "!!a"),
        ] {
            assert_eq!(shown(&parse(text).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn every_operator_and_every_value() {
        use Operator as O;
        let text = |text: &str| Value::Text(text.to_owned());
        for (given, operator, value) in [
            (r#"name == "x""#, O::Equal, text("x")),
            (r#"name != "x \"y\" \d""#, O::NotEqual, text(r#"x "y" \d"#)),
            (r#"name == "x\\""#, O::Equal, text(r"x\\")),
            ("name > -5", O::Greater, Value::Integer(-5)),
            ("name >= 5", O::GreaterOrEqual, Value::Integer(5)),
            ("name < +5", O::Less, Value::Integer(5)),
            ("name <= 1.5", O::LessOrEqual, Value::Decimal),
            (r#"name contains"x""#, O::Contains, text("x")),
            (
                r#"name in ["x", "y"]"#,
                O::In,
                Value::Array(vec![text("x"), text("y")]),
            ),
            ("name in[]", O::In, Value::Array(vec![])),
            ("name is null", O::Is, Value::Null),
            ("name isnot null", O::IsNot, Value::Null),
            ("name is true", O::Is, Value::Boolean),
            (r#"name like "%""#, O::Like, text("%")),
            (r#"name ilike "%""#, O::LikeIgnoringCase, text("%")),
        ] {
            let expected = Filter::Compare {
                field: "name".to_owned(),
                operator,
                value,
            };
            assert_eq!(parse(given), Ok(expected), "{given}");
        }
    }

    #[test]
    fn mistakes_are_told() {
        for text in [
            "",
            "name",
            "name ==",
            "name = 1",
            "name == x",
            "name == \"x",
            "(name == 1",
            "name == 1)",
            "name == 1 &",
            "name == 1 name == 2",
            "name in [1",
            "name in [1,]",
            "name == 1-2",
            "1 == name",
            "!",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_filter_has_its_limits() {
        let nested = |depth: usize| format!("{}a == 1{}", "(".repeat(depth), ")".repeat(depth));
        assert!(parse(&nested(DEPTH_LIMIT)).is_ok());
        assert!(parse(&nested(DEPTH_LIMIT + 1)).is_err());
        let long = |length: usize| format!("a == \"{}\"", "x".repeat(length - 7));
        assert!(parse(&long(LENGTH_LIMIT)).is_ok());
        assert!(parse(&long(LENGTH_LIMIT + 1)).is_err());
        let arrays = format!("a in {}{}", "[".repeat(1_000), "]".repeat(1_000));
        assert!(parse(&arrays).is_err());
    }

    proptest! {
        #[test]
        fn nothing_is_read_with_harm(text in "[a-z!&|()\\[\\]\" =<>0-9.,\\\\]{0,40}") {
            let _ = parse(&text);
        }
    }
}
