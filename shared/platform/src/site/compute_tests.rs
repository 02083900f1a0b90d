use muster_contract::agent::{ImageService, ServiceProtocol};

use super::tests::{parse, problems};
use super::*;

fn slots(amounts: &[(&str, &str)]) -> muster_contract::ResourceSlots {
    amounts
        .iter()
        .map(|(slot, amount)| ((*slot).to_owned(), amount.parse().unwrap()))
        .collect()
}

#[test]
fn all_of_compute_sessions() {
    let site = parse(
        r#"
            [[project]]
            name = "demo"
            quota = { nodes = 20, compute_sessions = 30, slots = { cpu = 16, mem = "32g" } }
            [[domain]]
            name = "default"
            quota = { slots = { cpu = "64" } }
            [[resource_policy]]
            name = "default"
            compute_sessions = 5
            containers_per_session = 4
            idle_timeout = "1h"
            [[resource_policy]]
            name = "generous"
            [[principal]]
            name = "alice"
            project = "demo"
            access_key = "AKIAIOSFODNN7EXAMPLE"
            secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
            [[principal]]
            name = "bob"
            project = "demo"
            resource_policy = "generous"
            [[scaling_group]]
            name = "gpu"
            scheduler = "drf"
            projects = ["demo"]
            [[scaling_group]]
            name = "other"
            [[image]]
            name = "python:3.11"
            aliases = ["python"]
            command = ["python3", "-m", "http.server", "--bind=127.0.0.1", "{port:files}"]
            interpreter = ["python3"]
            services = [{ name = "files", protocol = "http", port = 8000 }]
            environ = { LANG = "C.UTF-8" }
            minimum = { mem = "128m" }
            maximum = { cpu = "8", "cuda.shares" = "0.5" }
        "#,
    )
    .unwrap();
    let demo = site.project("demo").unwrap();
    assert_eq!(demo.node_quota, Some(20));
    assert_eq!(demo.compute_quota.sessions, Some(30));
    let limits = &demo.compute_quota.slots;
    assert_eq!(
        *limits.limited(),
        slots(&[("cpu", "16"), ("mem", "34359738368")])
    );
    assert!(limits.allow(&slots(&[("cpu", "16"), ("cuda.device", "99")])));
    let (slot, most) = limits.first_exceeded(&slots(&[("cpu", "16.5")])).unwrap();
    assert_eq!((slot, most), ("cpu", 16.into()));
    assert_eq!(site.domains[0].quota.slots.of("cpu"), Some(64.into()));
    assert_eq!(site.domains[0].quota.sessions, None);

    let [alice, bob] = &site.principals[..] else {
        panic!("{:?}", site.principals)
    };
    let pair = alice.key_pair.as_ref().unwrap();
    assert_eq!(pair.access_key, "AKIAIOSFODNN7EXAMPLE");
    assert_eq!(pair.secret_key.expose().len(), 40);
    assert!(!format!("{pair:?}").contains("wJalr"));
    let policy = |principal: &SitePrincipal| {
        let name = principal.resource_policy.as_deref().unwrap();
        site.resource_policy(name).unwrap().clone()
    };
    assert_eq!(policy(alice).quota.sessions, Some(5));
    assert_eq!(policy(alice).containers_per_session, Some(4));
    assert_eq!(policy(alice).idle_timeout, Some(Duration::from_hours(1)));
    assert_eq!(policy(bob).quota, ComputeQuota::default());
    assert_eq!(bob.key_pair, None);

    let groups = site.scaling_groups();
    assert_eq!(groups[0].scheduler, Scheduler::Drf);
    assert!(groups[0].is_open_to("demo") && !groups[0].is_open_to("other"));
    assert!(groups[1].is_open_to("anybody"));

    let image = &site.images[0];
    assert!(image.is_called("python") && image.is_called("python:3.11") && !image.is_called("py"));
    assert_eq!(
        image.image.services,
        [ImageService {
            name: "files".to_owned(),
            protocol: ServiceProtocol::Http,
            port: 8000,
        }]
    );
    assert_eq!(image.image.command.len(), 5);
    assert_eq!(image.image.environ["LANG"], "C.UTF-8");
    assert_eq!(image.minimum, slots(&[("cpu", "1"), ("mem", "134217728")]));
    assert_eq!(
        image.maximum.of("cuda.shares"),
        Some("0.5".parse().unwrap())
    );
    assert_eq!(image.maximum.of("mem"), None);
}

#[test]
fn without_a_scaling_group_there_is_one_for_all() {
    let site = Site::default();
    let groups = site.scaling_groups();
    let [group] = &groups[..] else {
        panic!("{groups:?}")
    };
    assert_eq!(group.name, DEFAULT_SCALING_GROUP);
    assert_eq!(group.scheduler, Scheduler::Fifo);
    assert!(group.is_open_to("anybody"));
}

#[test]
fn all_that_is_wrong_with_images_has_its_line() {
    assert_eq!(
        problems(
            r#"[[image]]
name = "sh"
command = []
[[image]]
name = "two words"
aliases = ["sh"]
command = ["x", "{port:web}", "{port:http"]
services = [
  { name = "wbe", protocol = "http", port = 0 },
  { name = "wbe", protocol = "tcp", port = 80 },
  { name = "no service", protocol = "tcp", port = 80 },
]
interpreter = []
environ = { "a=b" = "1" }
[[image]]
name = "large"
command = ["x"]
minimum = { cpu = "4", mem = "lots" }
maximum = { cpu = 2, Mem = 1 }
"#
        ),
        [
            "line 3: command names no program",
            "line 5: an image is called \"python:3.11\" or so: 1 to 255 visible ASCII characters, without spaces",
            "line 6: image \"sh\" is there twice, first on line 2",
            "line 7: no such service: \"web\"; did you mean \"wbe\"?",
            "line 7: no such service: \"http\"; there is no } behind it",
            "line 9: there is no port 0",
            "line 10: service \"wbe\" is there twice, first on line 9",
            "line 11: the name of a service has 1 to 64 letters, digits and - _",
            "line 11: two services of the image have port 80",
            "line 13: interpreter names no program",
            "line 14: a variable has a name without =",
            "line 16: the image needs 4 of cpu at least and may have 2 at most",
            "line 18: \"lots\" is no size such as \"512m\" or \"1.5g\"",
            "line 19: a slot is called \"cpu\", \"mem\" or so: small letters, digits and . _ -",
        ]
    );
}

#[test]
fn all_that_is_wrong_with_keys_policies_groups_and_domains_has_its_line() {
    assert_eq!(
        problems(
            r#"[[project]]
name = "demo"
quota = { slots = { cpu = "-1" } }
[[principal]]
name = "a"
project = "demo"
access_key = "one:two"
secret_key = ""
[[principal]]
name = "b"
project = "demo"
access_key = "same"
secret_key = "x"
resource_policy = "defualt"
[[principal]]
name = "c"
project = "demo"
access_key = "same"
secret_key = "x"
[[principal]]
name = "d"
project = "demo"
access_key = "alone"
[[principal]]
name = "e"
project = "demo"
secret_key = "alone"
[[resource_policy]]
name = "default"
containers_per_session = 0
idle_timeout = "0s"
[[resource_policy]]
name = "default"
[[scaling_group]]
name = "gpu"
projects = ["dmo"]
[[scaling_group]]
name = "gpu"
[[domain]]
name = "defualt"
[[domain]]
name = "defualt"
"#
        ),
        [
            "line 3: \"-1\" is no amount such as \"2\" or \"0.5\"",
            "line 7: an access_key has 1 to 64 letters, digits and - _ .",
            "line 8: a secret_key has 1 to 255 visible ASCII characters, without spaces",
            "line 14: no such resource policy: \"defualt\"; did you mean \"default\"?",
            "line 18: access_key \"same\" is there twice, first on line 12",
            "line 23: an access_key has a secret_key",
            "line 27: a secret_key has an access_key",
            "line 30: a session has a container at least",
            "line 31: idle_timeout has to be at least 1s",
            "line 33: resource policy \"default\" is there twice, first on line 29",
            "line 36: no such project: \"dmo\"; did you mean \"demo\"?",
            "line 38: scaling group \"gpu\" is there twice, first on line 35",
            "line 40: no project is in domain \"defualt\"; did you mean \"default\"?",
            "line 42: domain \"defualt\" is there twice, first on line 40",
            "line 42: no project is in domain \"defualt\"; did you mean \"default\"?",
        ]
    );
}

#[test]
fn an_unknown_scheduler_or_protocol_says_which_there_are() {
    for (text, line) in [
        (
            "[[scaling_group]]\nname = \"x\"\nscheduler = \"fair\"\n",
            "line 3: unknown variant `fair`",
        ),
        (
            "[[image]]\nname = \"x\"\ncommand = [\"x\"]\nservices = [{ name = \"a\", protocol = \"udp\", port = 1 }]\n",
            "line 4: unknown variant `udp`",
        ),
        (
            "[[image]]\nname = \"x\"\ncommand = [\"x\"]\nminimum = { cpu = 0.5 }\n",
            "line 4: expected a text",
        ),
    ] {
        let found = problems(text);
        assert!(found[0].starts_with(line), "{text:?}: {found:?}");
    }
}
