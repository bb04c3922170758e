//! Where in a body something stands, written as a JSON pointer (RFC 6901) only when a fault needs it.

use std::fmt;

/// A place in a body or query string.
#[derive(Debug, Clone, Copy)]
pub enum Place<'p> {
    /// The whole.
    Root,
    /// A member of an object.
    Member(&'p Place<'p>, &'p str),
    /// An item of an array.
    Item(&'p Place<'p>, usize),
}

impl Place<'_> {
    /// The member `name` of what stands here.
    pub fn member<'n>(&'n self, name: &'n str) -> Place<'n> {
        Place::Member(self, name)
    }

    /// The item `index` of what stands here.
    pub fn item(&self, index: usize) -> Place<'_> {
        Place::Item(self, index)
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Member(parent, name) => {
                write!(f, "{parent}/{}", name.replace('~', "~0").replace('/', "~1"))
            }
            Self::Item(parent, index) => write!(f, "{parent}/{index}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_written_as_a_json_pointer() {
        let root = Place::Root;
        let list = root.member("rows");
        let row = list.item(3);
        assert_eq!(root.to_string(), "");
        assert_eq!(row.member("a/b~c").to_string(), "/rows/3/a~1b~0c");
    }
}
