//! Integers as bits: Golomb-Rice codes, which are short where most numbers are small and nowhere much longer than the numbers.

/// Numbers whose upper part is this or more stand as they are behind it.
const ESCAPE: u32 = 15;

/// Bits of a number that stands as it is.
const PLAIN_BITS: u32 = 32;

/// The widest lower part.
const MAX_PARAMETER: u32 = 20;

/// Bits in a row, the highest of a byte first.
#[derive(Debug, Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    /// Bits of the last byte that are taken, 0 to 7.
    used: u32,
}

impl BitWriter {
    fn bit(&mut self, bit: bool) {
        if self.used == 0 {
            self.bytes.push(0);
        }
        if let Some(last) = self.bytes.last_mut()
            && bit
        {
            *last |= 0x80 >> self.used;
        }
        self.used = (self.used + 1) % 8;
    }

    fn bits(&mut self, value: u32, count: u32) {
        for place in (0..count).rev() {
            self.bit(value >> place & 1 == 1);
        }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Reads what [`BitWriter`] wrote; `None` where there is nothing more.
#[derive(Debug)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    fn bit(&mut self) -> Option<bool> {
        let byte = self.bytes.get(self.position / 8)?;
        let bit = byte & (0x80 >> (self.position % 8)) != 0;
        self.position += 1;
        Some(bit)
    }

    fn bits(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            value = value << 1 | u32::from(self.bit()?);
        }
        Some(value)
    }
}

/// Bits that the number takes with a lower part of `parameter` bits.
fn cost(value: u32, parameter: u32) -> u64 {
    let upper = value >> parameter;
    u64::from(if upper < ESCAPE {
        upper + 1 + parameter
    } else {
        ESCAPE + PLAIN_BITS
    })
}

/// Bits that the numbers take at the least, and the width of the lower part with which they do.
pub(super) fn cheapest(values: &[u32]) -> (u64, u32) {
    (0..=MAX_PARAMETER)
        .map(|parameter| {
            let bits = values.iter().map(|value| cost(*value, parameter)).sum();
            (bits, parameter)
        })
        .min()
        .unwrap_or_default()
}

/// Writes the numbers.
pub(super) fn write(writer: &mut BitWriter, values: &[u32], parameter: u32) {
    for value in values {
        let upper = value >> parameter;
        for _ in 0..upper.min(ESCAPE) {
            writer.bit(true);
        }
        if upper < ESCAPE {
            writer.bit(false);
            writer.bits(*value, parameter);
        } else {
            writer.bits(*value, PLAIN_BITS);
        }
    }
}

/// Reads so many numbers; `None` if there are not so many.
pub(super) fn read(reader: &mut BitReader<'_>, count: usize, parameter: u32) -> Option<Vec<u32>> {
    if parameter > MAX_PARAMETER {
        return None;
    }
    let mut values = Vec::new();
    for _ in 0..count {
        let mut upper = 0;
        while upper < ESCAPE && reader.bit()? {
            upper += 1;
        }
        values.push(if upper < ESCAPE {
            upper << parameter | reader.bits(parameter)?
        } else {
            reader.bits(PLAIN_BITS)?
        });
    }
    Some(values)
}

/// Small numbers of either sign as small ones without: 0, -1, 1, -2, 2 …
pub(super) fn zigzag(value: i32) -> u32 {
    (value.wrapping_shl(1) ^ (value >> 31)).cast_unsigned()
}

/// The number that [`zigzag`] made this of.
pub(super) fn unzigzag(value: u32) -> i32 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_written_is_read(values in prop::collection::vec(any::<u32>(), 0..50), small in prop::collection::vec(0u32..70, 0..50)) {
            for values in [values, small] {
                let (bits, parameter) = cheapest(&values);
                let mut writer = BitWriter::default();
                write(&mut writer, &values, parameter);
                let bytes = writer.into_bytes();
                prop_assert_eq!(bytes.len() as u64, bits.div_ceil(8));
                let read = read(&mut BitReader::new(&bytes), values.len(), parameter);
                prop_assert_eq!(read, Some(values));
            }
        }

        #[test]
        fn a_sign_costs_one_bit(value: i32) {
            prop_assert_eq!(unzigzag(zigzag(value)), value);
            prop_assert!(!(0..=i32::MAX / 2).contains(&value) || zigzag(value) == 2 * value.cast_unsigned());
        }

        #[test]
        fn nothing_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..40), count in 0usize..100, parameter in 0u32..40) {
            let _ = read(&mut BitReader::new(&bytes), count, parameter);
        }
    }
}
