//! The id of a command that a client names itself.

use muster_contract::Principal;
use uuid::Uuid;

/// Name space of the ids derived from `Idempotency-Key` (UUID version 5, RFC 9562).
const NAMESPACE: Uuid = Uuid::from_u128(0x6f1d_1f5c_5d2b_5b0e_9a39_6d75_7374_6572);

/// The command id for a client's `Idempotency-Key`: the same for the same principal and key, and no other principal can
/// come upon it.
#[must_use]
pub fn command_id_for_key(principal: &Principal, key: &str) -> Uuid {
    let owner = [&principal.domain, &principal.project, &principal.name];
    // With their lengths, so that no name can end where another begins.
    let mut name = String::new();
    for part in owner.map(String::as_str).into_iter().chain([key]) {
        name.push_str(&part.len().to_string());
        name.push(':');
        name.push_str(part);
    }
    Uuid::new_v5(&NAMESPACE, name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(name: &str) -> Principal {
        Principal {
            name: name.to_owned(),
            domain: "default".to_owned(),
            project: "demo".to_owned(),
            roles: vec![],
        }
    }

    #[test]
    fn a_key_is_its_principals_own() {
        let alice = command_id_for_key(&principal("alice"), "1");
        assert_eq!(alice, command_id_for_key(&principal("alice"), "1"));
        assert_ne!(alice, command_id_for_key(&principal("alice"), "2"));
        assert_ne!(alice, command_id_for_key(&principal("bob"), "1"));
        // Whatever stands in a name.
        let odd = command_id_for_key(&principal("alice\n1:1"), "2");
        assert_ne!(odd, command_id_for_key(&principal("alice"), "1:1\n2"));
    }
}
