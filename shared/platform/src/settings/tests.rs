use std::time::Duration;

use bytesize::ByteSize;
use proptest::prelude::*;

use super::*;

fn environment(variables: &[(&str, &str)]) -> Sources {
    Sources {
        environment: variables
            .iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
        ..Sources::default()
    }
}

fn file(text: &str) -> (tempfile::TempDir, Sources) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(DEFAULT_FILE);
    std::fs::write(&path, text).unwrap();
    let sources = Sources {
        file: Some(path),
        ..Sources::default()
    };
    (directory, sources)
}

fn problems(sources: Sources) -> Vec<String> {
    match Settings::load(sources).unwrap_err() {
        SettingsError::Invalid(problems) => problems.iter().map(Problem::to_string).collect(),
        other => panic!("{other}"),
    }
}

fn explained(loaded: &Loaded, key: &str) -> (Option<String>, String) {
    let all = loaded.explain();
    let found = all.into_iter().find(|explained| explained.key == key);
    found.map(|found| (found.value, found.source)).unwrap()
}

#[test]
fn with_no_sources_the_defaults_hold_and_survive_being_written_and_read() {
    let loaded = Settings::load(Sources::default()).unwrap();
    let expected = Settings {
        data_directory: std::env::current_dir().unwrap().join(".muster"),
        ..Settings::default()
    };
    assert_eq!(loaded.settings, expected);
    assert!(loaded.explain().iter().all(|one| one.source == "default"));
    assert_eq!(explained(&loaded, "site").0, None);
    assert_eq!(
        explained(&loaded, "ingress.command_deadline").0.as_deref(),
        Some("10s")
    );
    assert_eq!(
        loaded.settings.nats_key_directory(),
        expected.data_directory.join("nats")
    );
}

#[test]
fn every_kind_of_value_is_read_from_a_file() {
    let (_directory, sources) = file(
        r#"
        site = "/etc/muster/site.toml"
        listen = "0.0.0.0:80"
        [nats]
        url = "nats://broker:4222"
        port = 4333
        [ingress]
        body_limit = "1MiB"
        command_deadline = "1m 30s"
        [telemetry]
        sampling_ratio = 0.25
        log_format = "text"
        [admin]
        "#,
    );
    let settings = Settings::load(sources).unwrap().settings;
    assert_eq!(settings.site, Some("/etc/muster/site.toml".into()));
    assert_eq!(settings.listen, "0.0.0.0:80".parse().unwrap());
    assert_eq!(settings.nats.url.unwrap().reveal(), "nats://broker:4222");
    assert_eq!(settings.nats.port, 4333);
    assert_eq!(settings.ingress.body_limit, ByteSize::mib(1));
    assert_eq!(settings.ingress.command_deadline, Duration::from_secs(90));
    assert!((settings.telemetry.sampling_ratio - 0.25).abs() < f64::EPSILON);
    assert_eq!(settings.telemetry.log_format, LogFormat::Text);
}

#[test]
fn every_kind_of_value_is_read_from_the_environment() {
    let loaded = Settings::load(environment(&[
        ("MUSTER__LISTEN", "[::1]:0"),
        ("MUSTER__NATS__REPLICAS", "3"),
        ("MUSTER__TELEMETRY__SAMPLING_RATIO", "0.01"),
        ("MUSTER__TELEMETRY__LOG_FORMAT", "text"),
        ("MUSTER__STORAGE__URL", "postgres://muster:secret@db/muster"),
        ("MUSTER__ADMIN__LISTEN", "127.0.0.1:9000"),
        ("MUSTER__SITE", ""),
        ("MUSTER_CONFIG", "elsewhere.toml"),
        ("MUSTER_VERSION", "1"),
        ("HOME", "/root"),
    ]))
    .unwrap();
    assert_eq!(loaded.settings.listen, "[::1]:0".parse().unwrap());
    assert_eq!(loaded.settings.nats.replicas, 3);
    assert_eq!(loaded.settings.site, None, "set to nothing is not set");
    assert_eq!(
        loaded.settings.admin.listen,
        Some("127.0.0.1:9000".parse().unwrap())
    );
    assert_eq!(
        explained(&loaded, "storage.url"),
        (
            Some("postgres://muster:***@db/muster".to_owned()),
            "environment MUSTER__STORAGE__URL".to_owned()
        )
    );
    assert!(!format!("{loaded:?}").contains("secret"));
}

#[test]
fn an_unknown_key_names_the_nearest_known_one_and_its_source() {
    let (_directory, mut sources) = file("[natz]\n[nats]\nulr = \"x\"\n");
    let path = sources.file.clone().unwrap();
    sources.environment = vec![("MUSTER__INGRESS__BODYLIMIT".into(), "1".into())];
    sources.overrides = vec![Override::new("colour", "red", "--set")];
    assert_eq!(
        problems(sources),
        [
            format!(
                "unknown setting nats.ulr (from file {}): did you mean nats.url?",
                path.display()
            ),
            format!("unknown setting natz (from file {})", path.display()),
            "unknown setting ingress.bodylimit (from environment MUSTER__INGRESS__BODYLIMIT): \
             did you mean ingress.body_limit?"
                .to_owned(),
            "unknown setting colour (from --set)".to_owned(),
        ]
    );
}

#[test]
fn a_bad_value_names_key_source_and_what_is_expected() {
    let found = problems(environment(&[
        ("MUSTER__LISTEN", "here"),
        ("MUSTER__NATS__PORT", "70000"),
        ("MUSTER__INGRESS__BODY_LIMIT", "much"),
        ("MUSTER__INGRESS__QUERY_DEADLINE", "soon"),
        ("MUSTER__TELEMETRY__LOG_FORMAT", "xml"),
        ("MUSTER__NATS", "nats://x"),
    ]));
    assert_named(
        &found,
        &[
            ("nats", "environment MUSTER__NATS)", "section"),
            (
                "ingress.body_limit",
                "environment MUSTER__INGRESS__BODY_LIMIT",
                "such as 4.0 MiB",
            ),
            (
                "ingress.query_deadline",
                "environment MUSTER__INGRESS__QUERY_DEADLINE",
                "duration",
            ),
            ("listen", "environment MUSTER__LISTEN", "socket address"),
            ("nats.port", "environment MUSTER__NATS__PORT", "16 bit"),
            (
                "telemetry.log_format",
                "environment MUSTER__TELEMETRY__LOG_FORMAT",
                "expected json or text",
            ),
        ],
    );
}

fn assert_named(found: &[String], expected: &[(&str, &str, &str)]) {
    eprintln!("{found:#?}");
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, (key, source, hint)) in found.iter().zip(expected) {
        assert!(
            found.starts_with(&format!("setting {key} cannot be ")),
            "{found}"
        );
        assert!(
            found.contains(source) && found.contains(hint),
            "{found}: {hint}"
        );
    }
}

#[test]
fn values_out_of_range_are_refused_all_at_once() {
    let found = problems(environment(&[
        ("MUSTER__NATS__REPLICAS", "0"),
        ("MUSTER__INGRESS__BODY_LIMIT", "8MiB"),
        ("MUSTER__INGRESS__WAITER_LIMIT", "0"),
        ("MUSTER__INGRESS__COMMAND_DEADLINE", "0s"),
        ("MUSTER__SESSION__RUN_HISTORY", "0s"),
        ("MUSTER__STORAGE__URL", "mysql://u:secret@h/d"),
        ("MUSTER__TELEMETRY__SAMPLING_RATIO", "1.5"),
    ]));
    assert_eq!(found.len(), 7, "{found:#?}");
    assert!(!found.concat().contains("secret"), "{found:#?}");
    assert!(
        found.contains(
            &"setting telemetry.sampling_ratio cannot be \"1.5\" (from environment \
              MUSTER__TELEMETRY__SAMPLING_RATIO): expected a number from 0 to 1"
                .to_owned()
        ),
        "{found:#?}"
    );
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let missing = Sources {
        file: Some("/nonexistent/muster.toml".into()),
        ..Sources::default()
    };
    let error = Settings::load(missing).unwrap_err().to_string();
    assert!(error.contains("/nonexistent/muster.toml"), "{error}");

    let (_directory, sources) = file("listen = \n");
    let error = Settings::load(sources).unwrap_err().to_string();
    assert!(error.contains("line 1"), "{error}");

    let optional = Sources {
        optional_file: Some("/nonexistent/muster.toml".into()),
        ..Sources::default()
    };
    assert!(Settings::load(optional).is_ok());
}

proptest! {
    // Files are written for each case.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn of_the_layers_that_set_a_key_the_highest_wins(
        in_file: Option<u16>,
        in_environment: Option<u16>,
        in_overrides: Option<u16>,
    ) {
        let text = in_file.map(|port| format!("[nats]\nport = {port}\n")).unwrap_or_default();
        let (_directory, mut sources) = file(&text);
        let path = sources.file.clone().unwrap();
        sources.environment = in_environment
            .map(|port| ("MUSTER__NATS__PORT".into(), port.to_string().into()))
            .into_iter()
            .collect();
        sources.overrides = in_overrides
            .map(|port| Override::new("nats.port", port.to_string(), "--port"))
            .into_iter()
            .collect();
        let loaded = Settings::load(sources).unwrap();
        let (port, source) = match (in_overrides, in_environment, in_file) {
            (Some(port), _, _) => (port, "--port".to_owned()),
            (_, Some(port), _) => (port, "environment MUSTER__NATS__PORT".to_owned()),
            (_, _, Some(port)) => (port, format!("file {}", path.display())),
            _ => (0, "default".to_owned()),
        };
        prop_assert_eq!(loaded.settings.nats.port, port);
        prop_assert_eq!(explained(&loaded, "nats.port"), (Some(port.to_string()), source));
    }
}
