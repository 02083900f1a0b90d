use proptest::prelude::*;

use super::*;

fn node() -> Device {
    (MetricScope::Node, String::new())
}

fn hour_of(values: impl IntoIterator<Item = (u16, f64)>) -> Hour {
    Hour::from([(node(), values.into_iter().collect())])
}

fn through(hour: &Hour) -> Hour {
    unpack(&pack(hour)).unwrap()
}

#[test]
fn decimals_come_back_as_they_were() {
    for values in [
        vec![0.97, 1.11, 2_621.43, -3.5],
        vec![0.0, 0.0, 0.0],
        vec![0.5, 0.1234, -0.9999],
        vec![123_456.0, -7.0],
        vec![],
    ] {
        let hour = hour_of((0..).step_by(60).zip(values));
        let expected: Hour = hour
            .into_iter()
            .filter(|(_, values)| !values.is_empty())
            .collect();
        assert_eq!(through(&expected), expected);
    }
}

#[test]
fn great_values_lose_what_no_sensor_has() {
    let hour = hour_of([(0, 123_456_789_012.0), (60, 3.4e11), (120, 0.0)]);
    let back = through(&hour);
    for (time, value) in &hour[&node()] {
        let error = (back[&node()][time] - value).abs();
        assert!(error <= 3.4e11 / 262_143.0, "{value}: {error}");
    }
    for extreme in [f64::MAX, -f64::MAX, f64::MIN_POSITIVE] {
        assert_eq!(through(&hour_of([(0, extreme)])).len(), 1);
    }
}

/// What a busy node measures once a minute: noise of some percent on a level that changes now and then.
fn busy(seed: u64, level: f64) -> Vec<f64> {
    let mut state = seed;
    let mut noise = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(state >> 40).unwrap()) / f64::from(1 << 24) - 0.5
    };
    (0..60)
        .map(|minute| {
            let level = if minute % 25 < 20 { level } else { level * 0.4 };
            ((level * (1.0 + 0.06 * noise())) * 100.0).round() / 100.0
        })
        .collect()
}

#[test]
fn a_sample_costs_less_than_two_bytes() {
    let (mut bytes, mut samples) = (0, 0);
    for (seed, level) in [
        (1, 0.9),
        (2, 72.0),
        (3, 250.0),
        (4, 2_600.0),
        (5, 180.0),
        (6, 0.0),
        (7, 3.2e9),
    ] {
        let hour = hour_of((0..).step_by(60).zip(busy(seed, level)));
        bytes += pack(&hour).len();
        samples += 60;
    }
    assert!(bytes < 2 * samples, "{bytes} bytes for {samples} samples");
    // The parts of a node share a piece.
    let hour: Hour = (0..72)
        .map(|core| {
            let values = (0..).step_by(60).zip(busy(core, 8.5)).collect();
            ((MetricScope::Core, core.to_string()), values)
        })
        .collect();
    let (bytes, samples) = (pack(&hour).len(), 72 * 60);
    assert!(bytes < 2 * samples, "{bytes} bytes for {samples} samples");
}

#[test]
fn what_is_no_piece_is_none() {
    let good = pack(&hour_of([(0, 1.0), (60, 2.0), (121, 2.5)]));
    assert!(unpack(&good).is_some());
    for length in 0..good.len() {
        // Cut right behind the format there are no values, which is a piece.
        assert_eq!(unpack(&good[..length]).is_some(), length == 1, "{length}");
    }
    assert!(unpack(&[FORMAT + 1]).is_none());
    assert!(unpack(&[FORMAT, 99]).is_none());
}

proptest! {
    #[test]
    fn times_are_exact_and_values_as_good_as_18_bits(
        values in prop::collection::btree_map(0u16..3_600, -1e6..1e6_f64, 1..80),
        core in 0u8..9,
    ) {
        let device = (MetricScope::Core, core.to_string());
        let hour = Hour::from([(device.clone(), values.clone()), (node(), values.clone())]);
        let back = through(&hour);
        prop_assert_eq!(back.len(), 2);
        let greatest = values.values().fold(0.0_f64, |most, value| most.max(value.abs()));
        for ((time, value), (back_time, back)) in values.iter().zip(&back[&device]) {
            prop_assert_eq!(time, back_time);
            prop_assert!((value - back).abs() <= (greatest / 262_143.0).max(0.005) + 1e-9);
        }
        prop_assert_eq!(back[&device].len(), values.len());
    }

    #[test]
    fn packed_once_more_it_is_the_same(values in prop::collection::btree_map(0u16..3_600, -500.0..500.0_f64, 1..40)) {
        let once = through(&hour_of(values));
        prop_assert_eq!(through(&once), once);
    }

    #[test]
    fn nothing_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        let _ = unpack(&bytes);
        let mut with_format = vec![FORMAT, 0, 0];
        with_format.extend(bytes);
        let _ = unpack(&with_format);
    }
}
