//! Arrows between crates, and libraries kept in their place.

use super::plan::{Floor, KEPT_IN, NARROW, floor};
use super::{Dependency, Package};

/// One line per arrow that is not in the plan.
pub(super) fn faults(packages: &[Package]) -> Vec<String> {
    packages.iter().flat_map(package_faults).collect()
}

fn package_faults(package: &Package) -> Vec<String> {
    let Some(own) = floor(&package.name) else {
        return vec![format!("crate `{}` has no floor: give it one in xtask/src/arch/plan.rs", package.name)];
    };
    let arrow_or_library = |dependency: &Dependency| {
        if dependency.path.is_some() {
            arrow_fault(&package.name, own, dependency)
        } else {
            library_fault(&package.name, dependency)
        }
    };
    package.dependencies.iter().filter_map(arrow_or_library).collect()
}

/// In tests an arrow may also go sideways (a use case is tested on a real store), but never up.
fn arrow_fault(from: &str, own: Floor, to: &Dependency) -> Option<String> {
    let in_tests = to.kind.as_deref() == Some("dev");
    let narrow = NARROW.iter().find(|(name, ..)| *name == from);
    if let Some((_, allowed, why)) = narrow
        && !in_tests
        && !allowed.contains(&to.name.as_str())
    {
        return Some(format!("`{from}` may not use `{}`: {why}", to.name));
    }
    let (Floor::House(own), Some(other)) = (own, floor(&to.name)) else { return None };
    match other {
        Floor::TestAid if in_tests => None,
        Floor::TestAid => Some(format!("`{from}` may use `{}` in tests only", to.name)),
        Floor::Outside => {
            Some(format!("`{from}` may not use `{}`, which stands outside of the house", to.name))
        }
        Floor::House(other) if other > own => {
            Some(format!("`{from}` (floor {own}) may not use `{}` (floor {other}): arrows go down", to.name))
        }
        Floor::House(other) if other == own && !in_tests => {
            Some(format!("`{from}` may not use `{}`: both stand on floor {own}", to.name))
        }
        Floor::House(_) => None,
    }
}

fn library_fault(from: &str, library: &Dependency) -> Option<String> {
    let (_, allowed, in_tests) =
        KEPT_IN.iter().find(|(start, ..)| library.name == *start || is_part(&library.name, start))?;
    let dev = library.kind.as_deref() == Some("dev");
    if allowed.contains(&from) || (dev && in_tests.contains(&from)) {
        return None;
    }
    Some(format!("`{from}` may not use `{}`: it is kept in {}", library.name, allowed.join(", ")))
}

/// `sea-orm-migration` is a part of `sea-orm`.
fn is_part(name: &str, of: &str) -> bool {
    name.strip_prefix(of).is_some_and(|rest| rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(name: &str, kind: Option<&str>) -> Dependency {
        Dependency { name: name.into(), kind: kind.map(Into::into), path: Some(format!("/crates/{name}")) }
    }

    fn library(name: &str, kind: Option<&str>) -> Dependency {
        Dependency { path: None, ..ours(name, kind) }
    }

    fn faults_of(name: &str, dependencies: Vec<Dependency>) -> Vec<String> {
        faults(&[Package { name: name.into(), dependencies }])
    }

    #[test]
    fn an_arrow_down_is_no_fault() {
        assert!(faults_of("engine", vec![ours("ports", None), ours("graph", None)]).is_empty());
        assert!(faults_of("server", vec![ours("store", None), ours("api", None)]).is_empty());
    }

    #[test]
    fn an_arrow_up_is_a_fault_also_in_tests() {
        assert_eq!(
            faults_of("domain", vec![ours("ports", None)]),
            ["`domain` (floor 1) may not use `ports` (floor 2): arrows go down"]
        );
        assert_eq!(faults_of("domain", vec![ours("ports", Some("dev"))]).len(), 1);
    }

    #[test]
    fn an_arrow_sideways_is_a_fault_except_in_tests() {
        assert_eq!(
            faults_of("engine", vec![ours("store", None)]),
            ["`engine` may not use `store`: both stand on floor 3"]
        );
        assert!(faults_of("engine", vec![ours("store", Some("dev"))]).is_empty());
    }

    #[test]
    fn the_simulator_sees_the_wire_alone() {
        assert!(faults_of("simulator", vec![ours("graph", None)]).is_empty());
        assert_eq!(faults_of("simulator", vec![ours("domain", None)]).len(), 1);
    }

    #[test]
    fn the_api_does_not_choose_a_store() {
        assert_eq!(
            faults_of("api", vec![ours("store", None)]),
            ["`api` may not use `store`: only the server chooses a store and a gateway"]
        );
        assert!(faults_of("api", vec![ours("store", Some("dev"))]).is_empty());
    }

    #[test]
    fn nothing_in_the_house_uses_what_stands_outside() {
        assert_eq!(faults_of("server", vec![ours("bench", None)]).len(), 1);
    }

    #[test]
    fn a_test_aid_serves_tests_alone() {
        assert!(faults_of("store", vec![ours("test-postgres", Some("dev"))]).is_empty());
        assert_eq!(
            faults_of("store", vec![ours("test-postgres", None)]),
            ["`store` may use `test-postgres` in tests only"]
        );
    }

    #[test]
    fn a_library_out_of_its_place_is_a_fault() {
        assert_eq!(
            faults_of("engine", vec![library("sea-orm-migration", None)]),
            ["`engine` may not use `sea-orm-migration`: it is kept in store, bench"]
        );
        assert!(faults_of("store", vec![library("sea-orm", None)]).is_empty());
        assert_eq!(faults_of("api", vec![library("reqwest", None)]).len(), 1);
        assert!(faults_of("gateway-meta", vec![library("axum", Some("dev"))]).is_empty());
        assert_eq!(faults_of("gateway-meta", vec![library("axum", None)]).len(), 1);
    }

    #[test]
    fn a_crate_without_a_floor_is_a_fault() {
        assert_eq!(faults_of("cellar", vec![]).len(), 1);
    }
}
