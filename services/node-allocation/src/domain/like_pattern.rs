//! Patterns of SQL's `LIKE`, with which Duffy's clients name hosts to avoid (`api/duffy.md` §1).

/// A pattern: `%` stands for any characters, `_` for one, `\` makes the next stand for itself. Small and capital letters
/// are the same: names of hosts are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LikePattern {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Any,
    One,
    Letter(char),
}

impl LikePattern {
    pub(crate) fn new(text: &str) -> Self {
        let mut letters = text.chars();
        let mut pieces = Vec::with_capacity(text.len());
        while let Some(letter) = letters.next() {
            pieces.push(match letter {
                '%' => Piece::Any,
                '_' => Piece::One,
                '\\' => Piece::Letter(letters.next().unwrap_or('\\').to_ascii_lowercase()),
                letter => Piece::Letter(letter.to_ascii_lowercase()),
            });
        }
        Self { pieces }
    }

    /// Whether all of the name is like the pattern. Goes back to the last `%` at most, so that no pattern costs more than
    /// its length times that of the name.
    pub(crate) fn fits(&self, name: &str) -> bool {
        let name: Vec<char> = name
            .chars()
            .map(|letter| letter.to_ascii_lowercase())
            .collect();
        let (mut piece, mut letter) = (0, 0);
        // After the last `%`: where the pattern and where the name go on.
        let mut again: Option<(usize, usize)> = None;
        while let Some(here) = name.get(letter) {
            match self.pieces.get(piece) {
                Some(Piece::Any) => {
                    piece += 1;
                    again = Some((piece, letter));
                }
                Some(Piece::One) => (piece, letter) = (piece + 1, letter + 1),
                Some(Piece::Letter(wanted)) if wanted == here => {
                    (piece, letter) = (piece + 1, letter + 1);
                }
                _ => match &mut again {
                    None => return false,
                    Some((after, from)) => {
                        *from += 1;
                        (piece, letter) = (*after, *from);
                    }
                },
            }
        }
        let rest = self.pieces.get(piece..).unwrap_or_default();
        rest.iter().all(|piece| *piece == Piece::Any)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fits(pattern: &str, name: &str) -> bool {
        LikePattern::new(pattern).fits(name)
    }

    #[test]
    fn names_are_like_patterns() {
        for (pattern, name) in [
            ("n1.dusty", "n1.dusty"),
            ("N1.Dusty", "n1.dusty"),
            ("n_.dusty", "n1.dusty"),
            ("%dusty", "n1.dusty"),
            ("n1%", "n1.dusty"),
            ("%", ""),
            ("%%", "n1"),
            ("%1%1%", "n1.d1"),
            ("%.dusty", "a.dusty.dusty"),
            ("n\\%", "n%"),
            ("n\\", "n\\"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn names_are_not_like_patterns() {
        for (pattern, name) in [
            ("", "n1"),
            ("n1", "n1.dusty"),
            ("n1.dusty", "n1"),
            ("n_.dusty", "n11.dusty"),
            ("%dusty", "n1.dusty.x"),
            ("n\\%", "n1"),
            ("_", ""),
        ] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }

    /// The same by trying everything.
    fn by_trying(pattern: &[char], name: &[char]) -> bool {
        match (pattern, name) {
            ([], name) => name.is_empty(),
            (['%', rest @ ..], name) => (0..=name.len()).any(|cut| by_trying(rest, &name[cut..])),
            (['_', rest @ ..], [_, name @ ..]) => by_trying(rest, name),
            ([letter, rest @ ..], [other, name @ ..]) => letter == other && by_trying(rest, name),
            (_, []) => false,
        }
    }

    proptest! {
        #[test]
        fn the_same_fits_as_by_trying_everything(pattern in "[ab%_]{0,7}", name in "[ab]{0,7}") {
            let letters: Vec<char> = pattern.chars().collect();
            let expected = by_trying(&letters, &name.chars().collect::<Vec<_>>());
            prop_assert_eq!(fits(&pattern, &name), expected);
        }
    }
}
