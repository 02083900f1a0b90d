//! An hour of one metric on one node, with all its parts, in few bytes.
//!
//! Values are kept to two decimals, as `data.json` has them (four where none reaches 1, none where none has any), but to no more than
//! 18 bits of the greatest: one in 262,144 of full scale, which no sensor of a node has. Of these whole numbers, and of the times, the differences
//! are written as [Golomb-Rice codes](super::bits). A time stamp of a regular series costs one bit.
//!
//! A test holds it under 2 bytes a sample of a busy node. A row of the table adds 30 to 50 bytes for an hour: with a sample a minute
//! and no parts, less than one byte more.

use std::collections::BTreeMap;

use muster_contract::job_archive::MetricScope;

use super::bits::{BitReader, BitWriter, cheapest, read, unzigzag, write, zigzag};

/// Seconds that one packed piece is about.
pub(crate) const HOUR: i64 = 3_600;

/// What is written at the beginning, to know later releases' pieces.
const FORMAT: u8 = 1;

/// The greatest whole number that a value becomes.
const FULL_SCALE: f64 = 262_143.0;

/// What a whole number counts: hundredths, or ten-thousandths.
const HUNDREDTHS: f64 = 100.0;
const FINE: f64 = 10_000.0;

/// Doublings of what a whole number counts: more than a double has.
const MAX_DOUBLINGS: u32 = 1_100;

/// A part of a node, or the whole: with an empty id.
pub(crate) type Device = (MetricScope, String);

/// Values by their time: seconds since the beginning of the hour.
pub(crate) type Values = BTreeMap<u16, f64>;

/// An hour of a metric on a node.
pub(crate) type Hour = BTreeMap<Device, Values>;

/// The bytes. Times past the hour and values that are not finite must not be in it.
pub(crate) fn pack(hour: &Hour) -> Vec<u8> {
    let mut bytes = vec![FORMAT];
    let devices = hour.iter().filter(|(_, values)| !values.is_empty());
    for ((scope, id), values) in devices {
        bytes.push(scope_code(*scope));
        put_number(&mut bytes, id.len());
        bytes.extend_from_slice(id.as_bytes());
        pack_values(&mut bytes, values);
    }
    bytes
}

/// The hour that was packed; `None` if this is no such piece.
pub(crate) fn unpack(mut bytes: &[u8]) -> Option<Hour> {
    if take(&mut bytes, 1)? != [FORMAT] {
        return None;
    }
    let mut hour = Hour::new();
    while let Some((code, rest)) = bytes.split_first() {
        bytes = rest;
        let scope = *MetricScope::ALL.get(usize::from(*code))?;
        let length = get_number(&mut bytes)?;
        let id = std::str::from_utf8(take(&mut bytes, length)?).ok()?;
        hour.insert((scope, id.to_owned()), unpack_values(&mut bytes)?);
    }
    Some(hour)
}

fn pack_values(bytes: &mut Vec<u8>, values: &Values) {
    let times: Vec<i32> = values.keys().map(|time| i32::from(*time)).collect();
    let first = times.first().copied().unwrap_or_default();
    let steps: Vec<i32> = times
        .iter()
        .zip(times.iter().skip(1))
        .map(|(before, after)| after - before)
        .collect();
    let step = usual(&steps);
    let jitter: Vec<u32> = steps.iter().map(|one| zigzag(one - step)).collect();

    let scale = Scale::of(values.values().copied());
    let numbers: Vec<i32> = values.values().map(|value| scale.number(*value)).collect();
    let least = numbers.iter().copied().min().unwrap_or_default();
    let above: Vec<u32> = numbers
        .iter()
        .map(|number| (number - least).cast_unsigned())
        .collect();
    let mut before = least;
    let changes: Vec<u32> = numbers
        .iter()
        .map(|number| zigzag(number - std::mem::replace(&mut before, *number)))
        .collect();
    let (bits_above, parameter_above) = cheapest(&above);
    let (bits_changes, parameter_changes) = cheapest(&changes);
    let by_change = bits_changes < bits_above;
    let (numbers, parameter) = if by_change {
        (&changes, parameter_changes)
    } else {
        (&above, parameter_above)
    };

    let (_, jitter_parameter) = cheapest(&jitter);
    let mut writer = BitWriter::default();
    write(&mut writer, &jitter, jitter_parameter);
    write(&mut writer, numbers, parameter);
    let bits = writer.into_bytes();
    put_number(bytes, values.len());
    put_number(bytes, unsigned(first));
    put_number(bytes, unsigned(step));
    put_number(bytes, usize::try_from(scale.doublings).unwrap_or_default());
    put_number(bytes, usize::try_from(zigzag(least)).unwrap_or_default());
    // Both parameters have 5 bits.
    let flags = u16::from(scale.decimals.code()) << 1 | u16::from(by_change);
    let packed = flags << 10 | parameter_bits(jitter_parameter) << 5 | parameter_bits(parameter);
    bytes.extend_from_slice(&packed.to_be_bytes());
    put_number(bytes, bits.len());
    bytes.extend_from_slice(&bits);
}

fn unpack_values(bytes: &mut &[u8]) -> Option<Values> {
    let count = get_number(bytes)?;
    let first = i32::try_from(get_number(bytes)?).ok()?;
    let step = i32::try_from(get_number(bytes)?).ok()?;
    let doublings = u32::try_from(get_number(bytes)?).ok()?;
    let least = unzigzag(u32::try_from(get_number(bytes)?).ok()?);
    let [high, low] = take(bytes, 2)? else {
        return None;
    };
    let packed = u16::from_be_bytes([*high, *low]);
    let scale = Scale {
        decimals: Decimals::of_code(packed >> 11)?,
        doublings,
    };
    let by_change = packed >> 10 & 1 == 1;
    let length = get_number(bytes)?;
    let mut reader = BitReader::new(take(bytes, length)?);
    let steps = count.checked_sub(1)?;
    let jitter = read(&mut reader, steps, u32::from(packed >> 5 & 0x1f))?;
    let numbers = read(&mut reader, count, u32::from(packed & 0x1f))?;
    let mut values = Values::new();
    let mut time = first;
    let mut number = least;
    let jitter = jitter.into_iter().map(unzigzag).map(Some);
    for (written, jitter) in numbers.into_iter().zip(jitter.chain([None])) {
        number = if by_change {
            number.checked_add(unzigzag(written))?
        } else {
            least.checked_add(i32::try_from(written).ok()?)?
        };
        values.insert(u16::try_from(time).ok()?, scale.value(number));
        time = time.checked_add(step.checked_add(jitter.unwrap_or_default())?)?;
    }
    Some(values)
}

/// What whole numbers count.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Scale {
    decimals: Decimals,
    doublings: u32,
}

/// Decimals that are kept.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Decimals {
    None,
    Two,
    Four,
}

impl Decimals {
    fn code(self) -> u8 {
        match self {
            Decimals::None => 0,
            Decimals::Two => 1,
            Decimals::Four => 2,
        }
    }

    fn of_code(code: u16) -> Option<Self> {
        match code {
            0 => Some(Decimals::None),
            1 => Some(Decimals::Two),
            2 => Some(Decimals::Four),
            _ => None,
        }
    }
}

impl Scale {
    fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let greatest = values.clone().map(f64::abs).fold(0.0, f64::max);
        let mut values = values;
        let mut scale = Self {
            decimals: if values.all(|value| value.fract() == 0.0) {
                Decimals::None
            } else if greatest < 1.0 {
                Decimals::Four
            } else {
                Decimals::Two
            },
            doublings: 0,
        };
        while greatest / scale.unit() > FULL_SCALE && scale.doublings < MAX_DOUBLINGS {
            scale.doublings += 1;
        }
        scale
    }

    fn doubled(self) -> f64 {
        f64::exp2(f64::from(self.doublings))
    }

    fn parts(self) -> f64 {
        match self.decimals {
            Decimals::None => 1.0,
            Decimals::Two => HUNDREDTHS,
            Decimals::Four => FINE,
        }
    }

    fn unit(self) -> f64 {
        self.doubled() / self.parts()
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is no greater than full scale"
    )]
    fn number(self, value: f64) -> i32 {
        (value / self.unit()).round().clamp(-FULL_SCALE, FULL_SCALE) as i32
    }

    fn value(self, number: i32) -> f64 {
        // In this order it is the double next to the decimal number.
        f64::from(number) * self.doubled() / self.parts()
    }
}

/// The step that is there most often.
fn usual(steps: &[i32]) -> i32 {
    let mut counts: BTreeMap<i32, usize> = BTreeMap::new();
    for step in steps {
        *counts.entry(*step).or_default() += 1;
    }
    let most = counts.into_iter().max_by_key(|(_, count)| *count);
    most.map_or(0, |(step, _)| step)
}

fn scope_code(scope: MetricScope) -> u8 {
    let place = MetricScope::ALL.iter().position(|one| *one == scope);
    place
        .and_then(|place| u8::try_from(place).ok())
        .unwrap_or_default()
}

fn parameter_bits(parameter: u32) -> u16 {
    u16::try_from(parameter).unwrap_or_default() & 0x1f
}

fn unsigned(number: i32) -> usize {
    usize::try_from(number).unwrap_or_default()
}

/// Seven bits a byte, the lowest first; the highest bit of a byte says that there is another.
fn put_number(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        bytes.push(low_seven(number) | 0x80);
        number >>= 7;
    }
    bytes.push(low_seven(number));
}

fn low_seven(number: usize) -> u8 {
    u8::try_from(number & 0x7f).unwrap_or_default()
}

fn get_number(bytes: &mut &[u8]) -> Option<usize> {
    let mut number = 0_usize;
    for place in 0..5 {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests;
