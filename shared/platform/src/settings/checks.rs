//! The ranges values must be in, gathered so that an operator sees all that is wrong at once.

use std::time::Duration;

use bytesize::ByteSize;

/// What was found wrong: dotted key and what is expected there.
#[derive(Debug, Default)]
pub(super) struct Checks {
    found: Vec<(String, String)>,
}

impl Checks {
    pub(super) fn section(&mut self, name: &'static str) -> SectionChecks<'_> {
        SectionChecks { checks: self, name }
    }

    pub(super) fn into_found(self) -> Vec<(String, String)> {
        self.found
    }
}

/// The checks of one section; keys are given without the section's name.
#[derive(Debug)]
pub(super) struct SectionChecks<'a> {
    checks: &'a mut Checks,
    name: &'static str,
}

impl SectionChecks<'_> {
    pub(super) fn require(&mut self, key: &str, holds: bool, expected: String) {
        if !holds {
            self.checks
                .found
                .push((format!("{}.{key}", self.name), expected));
        }
    }

    pub(super) fn positive<T: Copy + Default + PartialOrd>(&mut self, key: &str, value: T) {
        self.require(key, value > T::default(), "a number above 0".to_owned());
    }

    pub(super) fn positive_size(&mut self, key: &str, value: ByteSize) {
        self.require(key, value > ByteSize::b(0), "a size above 0".to_owned());
    }

    pub(super) fn positive_duration(&mut self, key: &str, value: Duration) {
        self.require(key, !value.is_zero(), "a time above 0".to_owned());
    }
}
