use super::tests::{parse, problems};
use super::*;

const POOL: &str = "[[pool]]\nname = \"metal\"\nversion = \"7\"\narch = \"x86_64\"\n";

fn node(hostname: &str, rest: &str) -> String {
    format!("{POOL}[[node]]\nhostname = \"{hostname}\"\npool = \"metal\"\n{rest}\n")
}

#[test]
fn pools_and_nodes() {
    let site = parse(
        r#"
            [[project]]
            name = "demo"
            quota = { nodes = 20 }
            [[project]]
            name = "other"

            [[pool]]
            name = "metal-7-x86_64"
            version = "7"
            arch = "x86_64"
            [[pool]]
            name = "cloud"
            version = "8-stream"
            arch = "aarch64"
            flavor = "tiny"
            fill_level = 4
            lifetime = "1d"
            maximum_lifetime = "never"
            [[pool]]
            name = "pets"
            version = "9"
            arch = "x86_64"
            lifetime = "never"

            [[node]]
            hostname = "n[9-11].dusty"
            pool = "metal-7-x86_64"
            ip = "172.19.3.254"
            chassis = "dusty"
            console_port = 2001
            [[node]]
            hostname = "c1"
            pool = "cloud"
        "#,
    )
    .unwrap();
    assert_eq!(site.project("demo").unwrap().node_quota, Some(20));
    assert_eq!(site.project("other").unwrap().node_quota, None);
    let [metal, cloud, pets] = &site.pools[..] else {
        panic!("{:?}", site.pools)
    };
    let hours = Duration::from_hours;
    assert_eq!(metal.architecture, "x86_64");
    assert_eq!(
        (metal.lifetime, metal.maximum_lifetime),
        (Some(hours(6)), Some(hours(12)))
    );
    assert_eq!((metal.fill_level, metal.flavor.as_deref()), (None, None));
    assert_eq!(
        (cloud.lifetime, cloud.maximum_lifetime),
        (Some(hours(24)), None)
    );
    assert_eq!(
        (cloud.fill_level, cloud.flavor.as_deref()),
        (Some(4), Some("tiny"))
    );
    assert_eq!((pets.lifetime, pets.maximum_lifetime), (None, None));
    let shown: Vec<String> = site
        .nodes
        .iter()
        .map(|node| {
            let ip = node.ip_address.map(|ip| ip.to_string());
            format!(
                "{} {} {:?} {:?} {:?}",
                node.hostname, node.pool, ip, node.chassis, node.console_port
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "n9.dusty metal-7-x86_64 Some(\"172.19.3.254\") \"dusty\" Some(2001)",
            "n10.dusty metal-7-x86_64 Some(\"172.19.3.255\") \"dusty\" Some(2002)",
            "n11.dusty metal-7-x86_64 Some(\"172.19.4.0\") \"dusty\" Some(2003)",
            "c1 cloud None \"\" None",
        ]
    );
}

#[test]
fn what_is_wrong_with_pools_and_nodes_is_said() {
    assert_eq!(
        problems(
            r#"[[pool]]
name = "metal"
version = ""
arch = "x 86"
flavor = ""
lifetime = "soon"
[[pool]]
name = "metal"
version = "7"
arch = "x86_64"
lifetime = "0s"
[[pool]]
name = "short"
version = "7"
arch = "x86_64"
lifetime = "2h"
maximum_lifetime = "1h"
[[pool]]
name = "endless"
version = "7"
arch = "x86_64"
lifetime = "never"
maximum_lifetime = "1h"
[[node]]
hostname = "n1.dusty"
pool = "mettal"
[[node]]
hostname = "n[1-3].dusty"
pool = "metal"
[[node]]
hostname = "N7"
pool = "metal"
[[node]]
hostname = "m[x]"
pool = "metal"
"#
        ),
        [
            "line 3: version is made of visible ASCII characters, without spaces",
            "line 4: arch is made of visible ASCII characters, without spaces",
            "line 5: flavor is made of visible ASCII characters, without spaces",
            "line 6: \"soon\" is no lifetime such as \"6h\" or \"never\": expected number at 0",
            "line 8: pool \"metal\" is there twice, first on line 2",
            "line 11: a lifetime has a second at least",
            "line 17: maximum_lifetime is shorter than lifetime",
            "line 23: maximum_lifetime is shorter than lifetime",
            "line 26: no such pool: \"mettal\"; did you mean \"metal\"?",
            "line 28: node \"n1.dusty\" is there twice, first on line 25",
            "line 31: \"N7\" is no name of a host: small letters, digits and inner hyphens between the dots",
            "line 34: \"m[x]\": the node list cannot be read: Parse error at 2, Unexpected `x`, Expected digit or whitespaces",
        ]
    );
}

#[test]
fn a_name_that_clients_would_take_for_another_is_refused() {
    assert_eq!(
        problems(&node("n[1-20]", "")),
        ["line 6: node \"n1\" has a name that is part of \"n10\": clients take one for the other"]
    );
    // Also where the suffix makes it so.
    let suffix = "[duffy]\nhost_suffix = \".ci.example.org\"\n";
    let site = |names| format!("{}{suffix}", node(names, "ip = \"192.0.2.1\""));
    assert!(parse(&site("n1,y1.ci")).is_ok());
    assert_eq!(
        problems(&site("n1,1.ci")),
        [
            "line 6: node \"1.ci\" has a name that is part of \"n1.ci.example.org\", which is \"n1\" with host_suffix: clients take one for the other"
        ]
    );
    assert_eq!(parse(&node("n[1-20].dusty", "")).unwrap().nodes.len(), 20);
}

#[test]
fn a_list_that_runs_out_of_addresses_or_ports_is_refused() {
    assert_eq!(
        problems(&node("n[1-3].dusty", "ip = \"255.255.255.254\"")),
        ["line 8: there is no address for node \"n3.dusty\""]
    );
    assert_eq!(
        problems(&node("n[1-3].dusty", "console_port = 65535")),
        ["line 8: there is no port for node \"n2.dusty\""]
    );
    assert_eq!(
        problems(&node("n1", "chassis = \"a\\tb\"")),
        ["line 8: chassis has control characters"]
    );
    assert!(problems(&node("n1", "ip = \"elsewhere\""))[0].starts_with("line 8: "));
    let v6 = parse(&node("n[1-2].dusty", "ip = \"fd00::ffff\"")).unwrap();
    assert_eq!(v6.nodes[1].ip_address.unwrap().to_string(), "fd00::1:0");
}

#[test]
fn a_list_that_would_fill_the_memory_is_refused() {
    let text = node("n[0-99999999999]", "");
    assert!(problems(&text)[0].contains("more than 1000000 nodes"));
}
