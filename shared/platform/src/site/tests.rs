use std::collections::BTreeSet;

use super::*;

const KEY: &str = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";

pub(super) fn parse(text: &str) -> Result<Site, SiteError> {
    Site::parse(text, Path::new("/etc/muster/site.toml"))
}

/// The problems as an operator sees them, without the path that stands before each.
pub(super) fn problems(text: &str) -> Vec<String> {
    let error = parse(text).unwrap_err().to_string();
    error
        .lines()
        .map(|line| line.replacen("/etc/muster/site.toml: ", "", 1))
        .collect()
}

#[test]
fn a_whole_site() {
    let site = parse(&format!(
        r#"
            [[project]]
            name = "demo"
            [[project]]
            name = "other"
            domain = "elsewhere"

            [[principal]]
            name = "alice"
            project = "demo"
            roles = ["user", "api", "api"]
            token = "secret"
            [[principal]]
            name = "bob"
            project = "other"
            token_sha256 = "{}"
            duffy_key = "1b5ff2b0-0d0c-4a6e-9d38-1d4f5a1f0c11"

            [[cluster]]
            file = "fritz/cluster.json"
            [[cluster]]
            file = "/srv/alex.json"

            [clustercockpit]
            jwt_public_key = "{KEY}"
            jwt_max_age = "30d"
            default_project = "demo"
            validate_user = true

            [duffy]
            host_suffix = ".ci.example.org"
            rate_limit = 0
            rate_window = "1m"
            failed_node_limit = 7
        "#,
        "ab".repeat(32)
    ))
    .unwrap();
    assert_eq!(site.project("demo").unwrap().domain, DEFAULT_DOMAIN);
    assert_eq!(site.project("other").unwrap().domain, "elsewhere");
    let [alice, bob] = &site.principals[..] else {
        panic!("{:?}", site.principals)
    };
    assert_eq!(alice.roles, [Role::User, Role::Api]);
    assert_eq!(alice.token, Some(TokenDigest::of(b"secret")));
    assert_eq!(bob.roles, []);
    assert_eq!(bob.token.unwrap().as_bytes(), &[0xab; 32]);
    assert_eq!(
        site.cluster_files,
        [
            Path::new("/etc/muster/fritz/cluster.json"),
            Path::new("/srv/alex.json")
        ]
    );
    let tokens = &site.clustercockpit;
    assert_eq!(tokens.jwt_public_key.unwrap()[..3], [1, 2, 3]);
    assert_eq!(tokens.jwt_max_age, Some(Duration::from_hours(30 * 24)));
    assert_eq!(tokens.default_project.as_deref(), Some("demo"));
    assert!(tokens.validate_user);
    assert_eq!(alice.duffy_key, None);
    assert_eq!(
        bob.duffy_key,
        Some(TokenDigest::of(b"1b5ff2b0-0d0c-4a6e-9d38-1d4f5a1f0c11"))
    );
    assert_eq!(
        site.duffy,
        DuffyRules {
            host_suffix: ".ci.example.org".to_owned(),
            rate_limit: None,
            rate_window: Duration::from_mins(1),
            failed_node_limit: Some(7),
        }
    );
}

#[test]
fn a_duffy_key_and_suffix_fit_into_addresses() {
    assert_eq!(
        problems(
            r#"[[project]]
name = "demo"
[[principal]]
name = "a"
project = "demo"
duffy_key = "one&two"
[[principal]]
name = "b"
project = "demo"
duffy_key = "same"
[[principal]]
name = "c"
project = "demo"
duffy_key = "same"
[[principal]]
name = "d"
project = "demo"
duffy_key_sha256 = "same"
[duffy]
host_suffix = " x"
rate_window = "0s"
"#
        ),
        [
            "line 6: a duffy_key is made of letters, digits and - . _ ~, since clients put it into addresses as it is",
            "line 12: principals \"b\" and \"c\" have the same duffy_key",
            "line 18: duffy_key_sha256 has to be 64 hexadecimal digits",
            "line 20: host_suffix has the characters of host names: letters, digits, - and .",
            "line 21: rate_window has to be at least 1s",
        ]
    );
}

#[test]
fn an_empty_file_declares_nothing() {
    assert_eq!(parse("").unwrap(), Site::default());
}

#[test]
fn a_name_nobody_reads_names_the_nearest_and_its_line() {
    assert_eq!(
        problems(
            "[[projekt]]\nname = \"demo\"\n\n[[principal]]\nnam = \"alice\"\nkey = \"x\"\n\n[volume]\n"
        ),
        [
            "line 1: unknown section \"projekt\"; did you mean \"project\"?",
            "line 5: principal has no \"nam\"; did you mean \"name\"?",
            "line 6: principal has no \"key\"",
            "line 8: unknown section \"volume\"",
        ]
    );
}

#[test]
fn everything_that_is_wrong_is_said_at_once_with_its_line() {
    let long = "x".repeat(NAME_LIMIT + 1);
    assert_eq!(
        problems(&format!(
            r#"[[project]]
name = "demo"
[[project]]
name = "demo"
[[project]]
name = "{long}"
[[principal]]
name = "alice"
project = "dmo"
roles = ["api", "amdin"]
token = "same"
[[principal]]
name = "alice"
project = "demo"
token = "same"
[[principal]]
name = ""
project = "demo"
token = "two words"
[[principal]]
name = "carol"
project = "demo"
token_sha256 = "+1{}"
[[principal]]
name = "dave"
project = "demo"
token = "a"
token_sha256 = "b"
[[cluster]]
file = ""
[clustercockpit]
jwt_public_key = "AQID"
default_project = "unheard of"
"#,
            "0".repeat(62)
        )),
        [
            "line 4: project \"demo\" is there twice, first on line 2".to_owned(),
            "line 6: the name of a project has 1 to 255 bytes and no control characters".to_owned(),
            "line 9: no such project: \"dmo\"; did you mean \"demo\"?".to_owned(),
            "line 10: no such role: \"amdin\"; did you mean \"admin\"?".to_owned(),
            "line 13: principal \"alice\" is there twice, first on line 8".to_owned(),
            "line 13: principals \"alice\" and \"alice\" have the same token".to_owned(),
            "line 17: the name of a principal has 1 to 255 bytes and no control characters"
                .to_owned(),
            "line 19: a token is made of visible ASCII characters, without spaces".to_owned(),
            "line 23: token_sha256 has to be 64 hexadecimal digits".to_owned(),
            "line 27: give token or token_sha256, not both".to_owned(),
            "line 30: file is empty".to_owned(),
            "line 32: jwt_public_key has to be an Ed25519 public key: standard base64 of 32 bytes"
                .to_owned(),
            format!("line 33: no such project: \"unheard of\"; there is demo, demo, {long}"),
        ]
    );
}

#[test]
fn a_name_may_be_as_long_as_the_limit() {
    let name = "x".repeat(NAME_LIMIT);
    let site = parse(&format!("[[project]]\nname = \"{name}\"\n")).unwrap();
    assert_eq!(site.projects[0].name, name);
}

#[test]
fn what_is_no_toml_or_of_the_wrong_type_names_its_line() {
    for (text, line) in [
        ("[[project]]\nname = demo\n", "line 2: "),
        ("\n[[project]]\nname = 7\n", "line 3: "),
        (
            "[[project]]\ndomain = \"x\"\n",
            "line 1: missing field `name`",
        ),
        ("project = \"demo\"\n", "line 1: "),
        ("[clustercockpit]\njwt_max_age = \"soon\"\n", "line 2: "),
        ("[project]\nname = \"demo\"\n", "line 1: "),
    ] {
        let found = problems(text);
        assert!(found[0].starts_with(line), "{text:?}: {found:?}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Site::load(Path::new("/nonexistent/site.toml")).unwrap_err();
    assert!(
        error.to_string().contains("/nonexistent/site.toml"),
        "{error}"
    );
}

#[test]
fn the_known_names_are_those_that_are_read() {
    // What `deny_unknown_fields` says of a name that nobody reads lists those that are.
    for (section, names) in keys::SECTIONS {
        let read = [format!("[[{section}]]"), format!("[{section}]")]
            .into_iter()
            .find_map(|header| {
                let text = format!("{header}\nnobody_reads_this = 1\n");
                let said = toml::from_str::<document::Document>(&text)
                    .err()?
                    .to_string();
                let (_, expected) =
                    said.split_once("unknown field `nobody_reads_this`, expected")?;
                let names = expected.split('`').skip(1).step_by(2);
                Some(names.map(str::to_owned).collect::<BTreeSet<_>>())
            })
            .unwrap_or_else(|| panic!("{section} takes any name"));
        let known: BTreeSet<_> = names.iter().copied().map(str::to_owned).collect();
        assert_eq!(read, known, "{section}");
    }
}

#[test]
fn a_digest_does_not_show_itself() {
    assert_eq!(
        format!("{:?}", TokenDigest::of(b"secret")),
        "TokenDigest(..)"
    );
}
