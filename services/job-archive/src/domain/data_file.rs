//! `data.json` and its compressed form (`api/clustercockpit.md` §2.1, §2.3).

use std::io::{Read as _, Write as _};

use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};

use super::job_data::JobData;

/// Longer files are compressed.
const PLAIN_LIMIT: usize = 2_000;

/// Bytes that a file may have once unpacked: a thousand nodes for a month.
pub(crate) const SIZE_LIMIT: usize = 1024 * 1024 * 1024;

/// What is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DataFile {
    pub(crate) bytes: Vec<u8>,
    pub(crate) compressed: bool,
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataFileError {
    /// It cannot be unpacked or packed.
    #[error("it cannot be unpacked: {0}")]
    Compression(#[from] std::io::Error),
    /// It is not what it should be.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// It is longer than any should be.
    #[error("unpacked it has more than {SIZE_LIMIT} bytes")]
    TooLong,
}

/// The file's contents.
pub(crate) fn write(data: &JobData) -> Result<DataFile, DataFileError> {
    let bytes = serde_json::to_vec(data)?;
    if bytes.len() <= PLAIN_LIMIT {
        return Ok(DataFile {
            bytes,
            compressed: false,
        });
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&bytes)?;
    Ok(DataFile {
        bytes: encoder.finish()?,
        compressed: true,
    })
}

/// What is in a file.
pub(crate) fn read(bytes: &[u8], compressed: bool) -> Result<JobData, DataFileError> {
    if !compressed {
        return Ok(serde_json::from_slice(bytes)?);
    }
    let mut plain = Vec::new();
    let limit = u64::try_from(SIZE_LIMIT).unwrap_or(u64::MAX);
    MultiGzDecoder::new(bytes)
        .take(limit)
        .read_to_end(&mut plain)?;
    if plain.len() >= SIZE_LIMIT {
        return Err(DataFileError::TooLong);
    }
    Ok(serde_json::from_slice(&plain)?)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::{domain::job_data::MetricScope, testing::genuine};

    /// `1` and `1.0` are the same number.
    fn numbers(value: Value) -> Value {
        match value {
            Value::Number(number) => number.as_f64().into(),
            Value::Array(items) => items.into_iter().map(numbers).collect(),
            Value::Object(members) => members
                .into_iter()
                .map(|(name, value)| (name, numbers(value)))
                .collect(),
            other => other,
        }
    }

    fn unpacked(bytes: &[u8], compressed: bool) -> Value {
        if !compressed {
            return serde_json::from_slice(bytes).unwrap();
        }
        serde_json::from_reader(MultiGzDecoder::new(bytes)).unwrap()
    }

    #[test]
    fn genuine_files_are_read_and_written_back_equal_in_meaning() {
        let mut files = genuine("data.json");
        files.extend(genuine("data.json.gz"));
        for (name, bytes) in files {
            let compressed = std::path::Path::new(&name)
                .extension()
                .is_some_and(|ending| ending == "gz");
            let data = read(&bytes, compressed).unwrap_or_else(|error| panic!("{name}: {error}"));
            let written = write(&data).unwrap();
            assert!(written.compressed, "{name}");
            let (before, after) = (
                unpacked(&bytes, compressed),
                unpacked(&written.bytes, written.compressed),
            );
            assert!(numbers(before) == numbers(after), "{name}");
            assert_eq!(read(&written.bytes, true).unwrap(), data, "{name}");
            assert!(data.metrics["clock"].contains_key(&MetricScope::Node));
        }
    }

    #[test]
    fn short_files_stay_plain_and_torn_ones_are_refused() {
        let written = write(&JobData::default()).unwrap();
        assert_eq!(
            (written.bytes.as_slice(), written.compressed),
            (&b"{}"[..], false)
        );
        assert!(read(b"{", false).is_err());
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(b"{}").unwrap();
        let whole = encoder.finish().unwrap();
        assert_eq!(read(&whole, true).unwrap(), JobData::default());
        assert!(read(&whole[..whole.len() - 4], true).is_err());
        assert!(read(b"{}", true).is_err());
    }
}
