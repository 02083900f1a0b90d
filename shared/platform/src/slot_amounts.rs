//! Amounts of resource slots as people write them: `2` cores, `1.5g` of memory (`api/backendai.md` §2, "slots").

use muster_contract::Amount;
use rust_decimal::Decimal;

/// Part of the name of each slot that is counted in bytes: `mem`, `shmem`, `cuda.mem`.
const OF_BYTES: &str = "mem";

/// What may stand behind a plain number of bytes.
const BYTES: [&str; 4] = ["", "b", "byte", "bytes"];

/// What may stand behind a unit.
const BYTES_OF_UNIT: [&str; 7] = ["", "b", "byte", "bytes", "ib", "ibyte", "ibytes"];

/// The units of bytes, each 1024 times the one before.
const UNITS: &str = "kmgtpezy";

/// What each unit is times the one before.
const KIBI: Decimal = Decimal::from_parts(1024, 0, 0, false, 0);

/// Not an amount of a slot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSlotAmount {
    /// Of a slot that is counted in bytes.
    #[error("{0:?} is no size such as \"512m\" or \"1.5g\"")]
    Bytes(String),
    /// Of any other.
    #[error("{0:?} is no amount such as \"2\" or \"0.5\"")]
    Count(String),
}

/// Reads how much of a slot somebody means: of memory a number of bytes, or a number with a binary unit (`k` to `y`, in any case, with
/// or without `b`, `ib`, `byte(s)` or `ibyte(s)` behind it); of anything else a plain number. Fractions of a byte are left out.
///
/// # Errors
/// It is neither, or more than an [`Amount`] holds.
pub fn slot_amount(slot: &str, text: &str) -> Result<Amount, InvalidSlotAmount> {
    if slot.contains(OF_BYTES) {
        bytes(text).ok_or_else(|| InvalidSlotAmount::Bytes(text.to_owned()))
    } else {
        let count = text.trim().parse();
        count.map_err(|_| InvalidSlotAmount::Count(text.to_owned()))
    }
}

fn bytes(text: &str) -> Option<Amount> {
    let text = text.trim().to_ascii_lowercase();
    let of_number = |char: char| char.is_ascii_digit() || char == '.' || char == '_';
    let (digits, behind) = text.split_at(text.find(|char| !of_number(char)).unwrap_or(text.len()));
    let behind = behind.trim_start();
    let unit = UNITS
        .chars()
        .zip(1_u32..)
        .find_map(|(unit, power)| Some((behind.strip_prefix(unit)?, power)));
    let power = match unit {
        Some((ending, power)) if BYTES_OF_UNIT.contains(&ending) => power,
        // Half a byte is none.
        None if BYTES.contains(&behind) && !digits.contains('.') => 0,
        _ => return None,
    };
    if !digits.starts_with(|first: char| first.is_ascii_digit())
        || !digits.ends_with(|last: char| last.is_ascii_digit())
    {
        return None;
    }
    let number = Decimal::from_str_exact(&digits.replace('_', "")).ok()?;
    let bytes = (0..power).try_fold(number, |bytes, _| bytes.checked_mul(KIBI))?;
    bytes.floor().try_into().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes_of(text: &str) -> Option<String> {
        slot_amount("mem", text)
            .ok()
            .map(|amount| amount.to_string())
    }

    #[test]
    fn sizes_are_binary_and_exact() {
        for (text, bytes) in [
            ("0", "0"),
            ("1024", "1024"),
            ("1_000", "1000"),
            ("512m", "536870912"),
            ("4g", "4294967296"),
            ("4G", "4294967296"),
            ("4GiB", "4294967296"),
            ("4 gb", "4294967296"),
            ("1.5g", "1610612736"),
            ("0.3k", "307"),
            ("2kbytes", "2048"),
            ("1 ibyte", ""),
            ("7byte", "7"),
            ("7b", "7"),
            ("900t", "989560464998400"),
            ("1y", "1208925819614629174706176"),
        ] {
            let expected = (!bytes.is_empty()).then(|| bytes.to_owned());
            assert_eq!(bytes_of(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_none() {
        for text in [
            "", "g", "-1", "-1g", "+1g", "1.5", "1..5g", ".5g", "5.g", "1x", "1gg", "1e3", "inf",
            "_1", "1_", "100000y", "1k1", "ib",
        ] {
            assert_eq!(bytes_of(text), None, "{text}");
        }
    }

    #[test]
    fn anything_else_is_counted() {
        for (text, count) in [("2", "2"), ("0.50", "0.5"), (" 1 ", "1")] {
            assert_eq!(slot_amount("cpu", text).unwrap().to_string(), count);
        }
        assert_eq!(
            slot_amount("cpu", "2g").unwrap_err().to_string(),
            "\"2g\" is no amount such as \"2\" or \"0.5\""
        );
    }

    proptest! {
        #[test]
        fn a_whole_number_of_units_is_shifted(number in 0_u64..1 << 20, power in 0_usize..5) {
            let unit = ["", "k", "M", "gib", "Tb"][power];
            let expected = Amount::from(number << (10 * power));
            prop_assert_eq!(slot_amount("mem", &format!("{number}{unit}")), Ok(expected));
        }

        #[test]
        fn no_text_makes_it_panic(slot in "mem|cpu", text in "\\PC{0,12}|[0-9._kgbi]{0,12}") {
            let _ = slot_amount(&slot, &text);
        }
    }
}
