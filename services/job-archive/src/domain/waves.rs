//! In which order a batch of starts and stops is carried out: those of one number in the order in which they came, those of
//! different numbers together, so that sets can be written.

use std::collections::HashMap;

/// The places of the batch, wave by wave, where `numbers` has the job number of each place. A wave has each number once.
pub(crate) fn waves(numbers: &[i64]) -> Vec<Vec<usize>> {
    let mut waves: Vec<Vec<usize>> = Vec::new();
    let mut seen: HashMap<i64, usize> = HashMap::with_capacity(numbers.len());
    for (place, number) in numbers.iter().enumerate() {
        let before = seen.entry(*number).or_default();
        match waves.get_mut(*before) {
            Some(wave) => wave.push(place),
            None => waves.push(vec![place]),
        }
        *before += 1;
    }
    waves
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn those_of_one_number_follow_each_other() {
        assert!(waves(&[]).is_empty());
        assert_eq!(
            waves(&[7, 8, 7, 9, 7, 8]),
            [vec![0, 1, 3], vec![2, 5], vec![4]]
        );
    }

    proptest! {
        #[test]
        fn every_place_is_there_once_and_in_its_numbers_order(numbers in prop::collection::vec(0i64..5, 0..40)) {
            let waves = waves(&numbers);
            let mut places: Vec<usize> = waves.concat();
            for number in 0..5 {
                let of_number: Vec<usize> = places.iter().copied().filter(|place| numbers[*place] == number).collect();
                prop_assert!(of_number.is_sorted());
            }
            for wave in &waves {
                let mut of_wave: Vec<i64> = wave.iter().map(|place| numbers[*place]).collect();
                let count = of_wave.len();
                of_wave.sort_unstable();
                of_wave.dedup();
                prop_assert_eq!(of_wave.len(), count);
            }
            places.sort_unstable();
            prop_assert!(places.into_iter().eq(0..numbers.len()));
        }
    }
}
