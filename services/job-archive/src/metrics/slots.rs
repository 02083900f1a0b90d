//! The time of a job, cut into steps.

/// Values of one series, at most; a longer job is measured in longer steps. That is a week of minutes.
pub(crate) const POINT_LIMIT: i64 = 10_080;

/// Values of one metric over all series, at most.
pub(crate) const VALUE_LIMIT: i64 = 1_000_000;

/// Steps from a job's start to its end, on multiples of their length, as collectors measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slots {
    first: i64,
    /// Seconds from one value to the next.
    pub(crate) timestep: i64,
    /// How many there are.
    pub(crate) count: usize,
    start: i64,
    stop: i64,
}

impl Slots {
    /// For a metric with this time step and so many series. The step becomes a multiple of it where there would be too many.
    pub(crate) fn of(start: i64, stop: i64, timestep: i64, series: usize) -> Self {
        let timestep = timestep.max(1);
        let stop = stop.max(start);
        let series = i64::try_from(series).unwrap_or(i64::MAX).max(1);
        // Two more than fit between them, since neither start nor stop need be a multiple.
        let limit = (VALUE_LIMIT / series).clamp(3, POINT_LIMIT) - 2;
        let seconds = stop.saturating_sub(start);
        let points = (seconds / timestep).saturating_add(1);
        let factor = points.div_euclid(limit) + i64::from(points % limit > 0);
        let timestep = timestep.saturating_mul(factor.max(1));
        let first = start.div_euclid(timestep);
        // A job that ends on a step has no part of the next.
        let last = stop.saturating_sub(1).max(start).div_euclid(timestep);
        Self {
            first,
            timestep,
            count: usize::try_from(last - first + 1).unwrap_or(1),
            start,
            stop,
        }
    }

    /// The place of a value that was measured then; `None` = not while the job ran.
    pub(crate) fn place(&self, time: i64) -> Option<usize> {
        if !(self.start..=self.stop).contains(&time) {
            return None;
        }
        let place = usize::try_from(time.div_euclid(self.timestep) - self.first).ok()?;
        (place < self.count).then_some(place)
    }
}

/// The mean of what was measured in each step.
#[derive(Debug, Clone, Default)]
pub(crate) struct Means(Vec<(f64, u32)>);

impl Means {
    /// Of so many steps.
    pub(crate) fn new(count: usize) -> Self {
        Self(vec![(0.0, 0); count])
    }

    /// Adds a value.
    pub(crate) fn add(&mut self, place: usize, value: f64) {
        if let Some((sum, count)) = self.0.get_mut(place) {
            *sum += value;
            *count += 1;
        }
    }

    /// The mean of each step; `None` where nothing was measured.
    pub(crate) fn values(&self) -> impl Iterator<Item = Option<f64>> {
        self.0
            .iter()
            .map(|(sum, count)| (*count > 0).then(|| sum / f64::from(*count)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn steps_are_on_multiples_of_their_length() {
        let slots = Slots::of(125, 301, 60, 1);
        assert_eq!((slots.timestep, slots.count), (60, 4));
        for (time, place) in [
            (124, None),
            (125, Some(0)),
            (179, Some(0)),
            (180, Some(1)),
            (301, Some(3)),
            (302, None),
        ] {
            assert_eq!(slots.place(time), place, "{time}");
        }
        // One that ends on a step, one that takes no time.
        assert_eq!(Slots::of(120, 240, 60, 1).count, 2);
        assert_eq!(Slots::of(120, 120, 60, 1).count, 1);
    }

    #[test]
    fn a_very_long_job_has_longer_steps() {
        let limit = POINT_LIMIT;
        assert_eq!(Slots::of(0, 60 * (limit - 3), 60, 1).timestep, 60);
        assert_eq!(Slots::of(0, 60 * (limit - 2), 60, 1).timestep, 120);
        assert_eq!(Slots::of(0, 60 * 10 * limit, 60, 1).timestep, 660);
        // And one on very many nodes.
        let series = usize::try_from(VALUE_LIMIT / 100).unwrap();
        assert_eq!(Slots::of(0, 60 * 97, 60, series).timestep, 60);
        assert_eq!(Slots::of(0, 60 * 98, 60, series).timestep, 120);
        assert_eq!(Slots::of(0, 60, 60, usize::MAX).count, 1);
    }

    #[test]
    fn of_several_values_in_a_step_there_is_the_mean() {
        let mut means = Means::new(3);
        for (place, value) in [(0, 1.0), (0, 2.0), (2, 5.0), (3, 9.0)] {
            means.add(place, value);
        }
        assert!(means.values().eq([Some(1.5), None, Some(5.0)]));
    }

    proptest! {
        #[test]
        fn every_second_of_a_job_has_a_place_and_there_are_never_too_many(
            start in 0i64..2_000_000_000, length in 0i64..400_000_000, timestep in 1i64..4_000, series in 1usize..5_000, at in 0.0..1.0_f64,
        ) {
            let stop = start + length;
            let slots = Slots::of(start, stop, timestep, series);
            prop_assert!(slots.timestep % timestep == 0);
            let count = i64::try_from(slots.count).unwrap();
            prop_assert!(count <= POINT_LIMIT && (count <= 3 || count * i64::try_from(series).unwrap() <= VALUE_LIMIT));
            #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "any second will do")]
            let time = start + (at * length as f64) as i64;
            if time < stop || stop % slots.timestep != 0 {
                prop_assert!(slots.place(time).is_some());
            }
        }

        #[test]
        fn no_times_overflow(start: i64, stop: i64, timestep: i64, series: usize, time: i64) {
            let slots = Slots::of(start / 4, stop / 4, timestep, series);
            let _ = slots.place(time);
        }
    }
}
