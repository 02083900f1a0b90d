use super::tests::{parse, problems};
use super::*;

const KEY: &str = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";

/// A pool with these lines, and an agent.
fn pool(rest: &str) -> String {
    format!(
        "[[agent]]\nname = \"provisioner\"\n[[pool]]\nname = \"metal\"\nversion = \"7\"\narch = \"x86_64\"\n{rest}\n"
    )
}

#[test]
fn agents_and_hooks() {
    let site = parse(&format!(
        r#"
            [[agent]]
            name = "provisioner"
            nkey = "{KEY}"
            [[agent]]
            name = "n[1-2].dusty"
            [[agent]]
            name = "network"

            [[project]]
            name = "demo"
            session_hooks = {{ agent = "network", set_up = "2m", attempts = 5 }}
            [[project]]
            name = "other"

            [[pool]]
            name = "metal"
            version = "7"
            arch = "x86_64"
            hooks = {{ agent = "provisioner", provision = "30m", deprovision = "10m" }}
            maximum_ready_age = "24h"
            quarantine = "10m"
            [[pool]]
            name = "own"
            version = "7"
            arch = "x86_64"
            hooks = {{ agent = "{{hostname}}", contextualize = "2m", attempts = 1 }}
            maximum_ready_age = "never"
            [[pool]]
            name = "plain"
            version = "7"
            arch = "x86_64"
            fill_level = 3

            [[node]]
            hostname = "n[1-2].dusty"
            pool = "own"
        "#
    ))
    .unwrap();
    let names: Vec<&str> = site
        .agents
        .iter()
        .map(|agent| agent.name.as_str())
        .collect();
    assert_eq!(names, ["provisioner", "n1.dusty", "n2.dusty", "network"]);
    assert_eq!(site.agents[0].public_key.as_deref(), Some(KEY));
    assert_eq!(site.agents[1].public_key, None);

    let minutes = Duration::from_mins;
    let [metal, own, plain] = &site.pools[..] else {
        panic!("{:?}", site.pools)
    };
    let hooks = NodeHooks {
        agent: HookAgent::Named("provisioner".to_owned()),
        provision: Some(minutes(30)),
        contextualize: None,
        deprovision: Some(minutes(10)),
        attempts: DEFAULT_HOOK_ATTEMPTS,
    };
    assert_eq!(metal.hooks.as_ref(), Some(&hooks));
    assert_eq!(hooks.agent.for_node("n1.dusty"), "provisioner");
    assert_eq!(metal.maximum_ready_age, Some(minutes(24 * 60)));
    assert_eq!(metal.quarantine, minutes(10));
    let hooks = own.hooks.as_ref().unwrap();
    assert_eq!(hooks.agent.for_node("n1.dusty"), "n1.dusty");
    assert_eq!((hooks.contextualize, hooks.attempts), (Some(minutes(2)), 1));
    assert_eq!(own.maximum_ready_age, None);
    assert_eq!(plain.hooks, None);
    assert_eq!(plain.quarantine, DEFAULT_QUARANTINE);
    assert_eq!((metal.fill_level, plain.fill_level), (None, Some(3)));

    let hooks = SessionHooks {
        agent: "network".to_owned(),
        set_up: Some(minutes(2)),
        tear_down: None,
        attempts: 5,
    };
    let of = |name| site.project(name).unwrap().session_hooks.as_ref();
    assert_eq!(of("demo"), Some(&hooks));
    assert_eq!(of("other"), None);
}

#[test]
fn what_agents_cannot_be() {
    let agents = |text: &str| problems(text).join("\n");
    for (agent, expected) in [
        ("name = \"a b\"", "is no name of a host"),
        ("name = \"n[1-\"", "n[1-"),
        ("name = \"a\"\nnkey = \"U123\"", "public nkey of a user"),
        // That of an account.
        (
            "name = \"a\"\nnkey = \"ACV5RTIKTRHUHBN47I2PF6DIOXK7CWYBKS2LYH6HFKGQWKKPR5ZYK33L\"",
            "public nkey of a user",
        ),
    ] {
        let found = agents(&format!("[[agent]]\n{agent}\n"));
        assert!(found.contains(expected), "{agent}: {found}");
    }
    let found = agents("[[agent]]\nname = \"a[1-2]\"\n[[agent]]\nname = \"a2\"\n");
    assert!(
        found.contains("agent \"a2\" is there twice, first on line 2"),
        "{found}"
    );
    let list = format!("[[agent]]\nname = \"a[1-2]\"\nnkey = \"{KEY}\"\n");
    assert!(agents(&list).contains("line 3: each agent has a key of its own"));
    let same = format!(
        "[[agent]]\nname = \"a\"\nnkey = \"{KEY}\"\n[[agent]]\nname = \"b\"\nnkey = \"{KEY}\"\n"
    );
    assert!(agents(&same).contains("line 6: agents \"a\" and \"b\" have the same nkey"));
}

#[test]
fn what_hooks_cannot_be() {
    for (rest, expected) in [
        (
            "hooks = { agent = \"provisoner\", provision = \"1m\" }",
            "line 7: no such agent: \"provisoner\"; did you mean \"provisioner\"?",
        ),
        (
            "hooks = { agent = \"provisioner\" }",
            "hooks without a hook",
        ),
        (
            "hooks = { agent = \"provisioner\", provision = \"0s\" }",
            "a second at least",
        ),
        (
            "hooks = { agent = \"provisioner\", provision = \"soon\" }",
            "\"soon\" is no length of time",
        ),
        (
            "hooks = { agent = \"provisioner\", provision = \"25h\" }",
            "provision may take 24 hours at most",
        ),
        (
            "hooks = { agent = \"provisioner\", provision = \"1m\", attempts = 0 }",
            "attempts is 1 to 100",
        ),
        (
            "hooks = { agent = \"provisioner\", wipe = \"1m\" }",
            "unknown field `wipe`",
        ),
        ("hooks = { provision = \"1m\" }", "missing field `agent`"),
        (
            "maximum_ready_age = \"1h\"",
            "maximum_ready_age has no effect without a provision hook",
        ),
        (
            "hooks = { agent = \"provisioner\", deprovision = \"1m\" }\nmaximum_ready_age = \"1h\"",
            "maximum_ready_age has no effect without a provision hook",
        ),
        (
            "quarantine = \"1h\"",
            "quarantine has no effect without hooks",
        ),
        (
            "hooks = { agent = \"{hostname}\", provision = \"1m\" }\n[[node]]\nhostname = \"n1\"\npool = \"metal\"",
            "each node of pool \"metal\" has its own agent, and there is no agent \"n1\"",
        ),
        (
            "[[project]]\nname = \"p\"\nsession_hooks = { agent = \"provisioner\" }",
            "session_hooks without a hook",
        ),
        (
            "[[project]]\nname = \"p\"\nsession_hooks = { agent = \"nobody\", set_up = \"1m\" }",
            "no such agent: \"nobody\"",
        ),
    ] {
        let found = problems(&pool(rest)).join("\n");
        assert!(found.contains(expected), "{rest}: {found}");
    }
}
