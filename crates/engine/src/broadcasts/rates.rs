//! The rate card: what Meta charges per country and category, as the operator knows it.

/// Prices by country.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RateCard {}
