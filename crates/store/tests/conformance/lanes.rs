//! Lanes: leases, claims and outcomes.

mod claims;
mod leases;
mod outcomes;
