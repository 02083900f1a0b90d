//! Versions of the archive's format (`api/clustercockpit.md` §0, §2.1).

/// The version that `version.txt` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum FormatVersion {
    /// Of ClusterCockpit 1.0 to 1.3: `exclusive`, and fewer states.
    V1,
    /// Of 1.4: with footprints and energy.
    V2,
    /// Of 1.5: `shared` in place of `exclusive`.
    #[default]
    V3,
}

impl FormatVersion {
    /// Every version.
    pub const ALL: [FormatVersion; 3] = [Self::V1, Self::V2, Self::V3];

    /// As it is written.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
            Self::V3 => 3,
        }
    }

    /// The version with this number.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|version| version.number() == number)
    }

    /// What `version.txt` says.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Self::from_number(text.trim().parse().ok()?)
    }

    /// The contents of `version.txt`.
    #[must_use]
    pub fn text(self) -> String {
        format!("{}\n", self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for version in FormatVersion::ALL {
            assert_eq!(FormatVersion::from_text(&version.text()), Some(version));
        }
        for text in ["", "0", "4\n", "three", "3 3"] {
            assert_eq!(FormatVersion::from_text(text), None, "{text}");
        }
    }
}
