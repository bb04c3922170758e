//! What is wrong with a request: every fault at once, each with the place where it is.

use std::fmt;

use domain::Timestamp;
pub use domain::messages::content::Fault;

/// All faults of a request; never empty once it is an error.
#[derive(Debug, Clone, PartialEq, Eq, Default, thiserror::Error)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request has faults")?;
        for (index, fault) in self.0.iter().enumerate() {
            f.write_str(if index == 0 { ": " } else { "; " })?;
            match fault.pointer.as_str() {
                "" => f.write_str(&fault.problem)?,
                pointer => write!(f, "{pointer}: {}", fault.problem)?,
            }
        }
        Ok(())
    }
}

impl Faults {
    /// A request with one fault.
    pub fn one(pointer: impl Into<String>, problem: impl Into<String>) -> Self {
        let mut faults = Self::default();
        faults.add(pointer, problem);
        faults
    }

    /// Notes a fault.
    pub fn add(&mut self, pointer: impl Into<String>, problem: impl Into<String>) {
        self.0.push(Fault { pointer: pointer.into(), problem: problem.into() });
    }

    /// The text must have 1 to `max` characters, not all blank.
    pub fn required(&mut self, pointer: &str, text: &str, max: usize) {
        if text.trim().is_empty() {
            self.add(pointer, "must not be empty");
        } else {
            self.at_most(pointer, text, max);
        }
    }

    /// The text must have at most `max` characters.
    pub fn at_most(&mut self, pointer: &str, text: &str, max: usize) {
        let length = text.chars().count();
        if length > max {
            self.add(pointer, format!("must have at most {max} characters, has {length}"));
        }
    }

    /// The moment must lie ahead.
    pub fn future(&mut self, pointer: &str, at: Timestamp, now: Timestamp) {
        if at <= now {
            self.add(pointer, "must lie in the future");
        }
    }

    /// `Err` when there is any fault.
    ///
    /// # Errors
    /// The faults themselves.
    pub fn check(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_told_at_once_with_their_places() {
        let mut faults = Faults::default();
        faults.required("/name", "  ", 5);
        faults.required("/title", "äöüäöü", 5);
        faults.at_most("/note", "äöüäö", 5);
        assert_eq!(
            faults.to_string(),
            "the request has faults: /name: must not be empty; /title: must have at most 5 characters, has 6"
        );
        assert!(faults.check().is_err());
        assert!(Faults::default().check().is_ok());
    }
}
