//! Many ids in few words.

/// Ids as spans, each its first and its last id, in ascending order: what a list makes has ids in a row, and a trail that names
/// each would be longer than the list.
pub fn spans(mut ids: Vec<i64>) -> Vec<[i64; 2]> {
    ids.sort_unstable();
    let mut spans: Vec<[i64; 2]> = Vec::new();
    for id in ids {
        match spans.last_mut() {
            Some([_, last]) if id <= last.saturating_add(1) => *last = id,
            _ => spans.push([id, id]),
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_in_a_row_are_one_span_and_others_stand_alone() {
        assert_eq!(spans(vec![9, 4, 5, 3, 5, 11, 12]), [[3, 5], [9, 9], [11, 12]]);
        assert_eq!(spans(vec![i64::MAX, i64::MAX - 1, i64::MIN]), [[i64::MIN; 2], [i64::MAX - 1, i64::MAX]]);
        assert!(spans(vec![]).is_empty());
    }
}
