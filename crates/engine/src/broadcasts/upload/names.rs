//! What the columns of a list are called.

use std::collections::HashSet;

use domain::imports::columns;

/// The columns as `{{row.…}}` names them: no two are the same, and a bar or a brace, which mean something else there,
/// becomes an underscore.
pub(super) fn of(header: &[String]) -> Vec<String> {
    let plain = header.iter().enumerate().map(|(column, heading)| {
        let plain = heading.trim().replace(['|', '{', '}'], "_");
        if plain.is_empty() { format!("column_{}", column + 1) } else { plain }
    });
    let plain: Vec<String> = plain.collect();
    // The first one of a name keeps it, wherever it stands.
    let given: HashSet<&str> = plain.iter().map(String::as_str).collect();
    let mut taken: HashSet<String> = HashSet::new();
    let mut names = Vec::with_capacity(plain.len());
    for heading in &plain {
        let name = columns::unique(heading, usize::MAX, |name| {
            taken.contains(name) || (name != heading && given.contains(name))
        });
        taken.insert(name.clone());
        names.push(name);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_has_a_name_of_its_own_that_a_recipe_can_say() {
        let header = ["phone", "note", "note", "a|b", "", "note_2", " {x} "].map(str::to_owned);
        assert_eq!(of(&header), ["phone", "note", "note_3", "a_b", "column_5", "note_2", "_x_"]);
    }
}
