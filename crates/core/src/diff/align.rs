//! Which items of two lists belong together.

/// One or two items at a place of the merged list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pairing {
    /// An old and a new item, which may differ.
    Both(usize, usize),
    /// An old item that is gone.
    Old(usize),
    /// A new item.
    New(usize),
}

/// Lists up to this product of lengths are matched by content. Beyond it the table would take
/// noticeable time, and items are matched by position.
const LARGEST: usize = 4_000_000;

/// Matches equal items by the longest common subsequence; what lies between two matches is paired
/// in order.
pub(super) fn align(old: usize, new: usize, same: impl Fn(usize, usize) -> bool) -> Vec<Pairing> {
    let start = (0..old.min(new)).take_while(|at| same(*at, *at)).count();
    let most = old.min(new) - start;
    let end = (1..=most).take_while(|back| same(old - back, new - back)).count();
    let (rows, columns) = (old - start - end, new - start - end);
    let mut pairings: Vec<_> = (0..start).map(|at| Pairing::Both(at, at)).collect();
    let matches = if rows.saturating_mul(columns) > LARGEST {
        Vec::new()
    } else {
        common(rows, columns, |a, b| same(start + a, start + b))
    };
    let (mut a, mut b) = (0, 0);
    for (x, y) in matches.into_iter().chain([(rows, columns)]) {
        while a < x || b < y {
            pairings.push(match (a < x, b < y) {
                (true, true) => Pairing::Both(start + a, start + b),
                (true, false) => Pairing::Old(start + a),
                _ => Pairing::New(start + b),
            });
            a += usize::from(a < x);
            b += usize::from(b < y);
        }
        if x < rows && y < columns {
            pairings.push(Pairing::Both(start + x, start + y));
            (a, b) = (x + 1, y + 1);
        }
    }
    pairings.extend((0..end).map(|at| Pairing::Both(old - end + at, new - end + at)));
    pairings
}

/// A longest common subsequence, as pairs of positions.
fn common(rows: usize, columns: usize, same: impl Fn(usize, usize) -> bool) -> Vec<(usize, usize)> {
    let width = columns + 1;
    let mut table = vec![0_u32; (rows + 1) * width];
    for a in (0..rows).rev() {
        for b in (0..columns).rev() {
            table[a * width + b] = if same(a, b) {
                table[(a + 1) * width + b + 1] + 1
            } else {
                table[(a + 1) * width + b].max(table[a * width + b + 1])
            };
        }
    }
    let (mut a, mut b, mut found) = (0, 0, Vec::new());
    while a < rows && b < columns {
        if same(a, b) {
            found.push((a, b));
            (a, b) = (a + 1, b + 1);
        } else if table[(a + 1) * width + b] >= table[a * width + b + 1] {
            a += 1;
        } else {
            b += 1;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aligned(old: &str, new: &str) -> Vec<Pairing> {
        let (a, b) = (old.as_bytes(), new.as_bytes());
        align(a.len(), b.len(), |x, y| a[x] == b[y])
    }

    #[test]
    fn an_item_in_front_is_one_item() {
        use Pairing::{Both, New, Old};
        assert_eq!(aligned("ab", "xab"), [New(0), Both(0, 1), Both(1, 2)]);
        assert_eq!(aligned("abc", "ac"), [Both(0, 0), Old(1), Both(2, 1)]);
        assert_eq!(aligned("ab", "ax"), [Both(0, 0), Both(1, 1)]);
        assert_eq!(aligned("", "a"), [New(0)]);
        assert_eq!(aligned("abcd", "bxd"), [Old(0), Both(1, 0), Both(2, 1), Both(3, 2)]);
    }
}
