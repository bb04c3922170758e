//! The plan of the house: which crate stands on which floor, and what is allowed where.

/// A crate's floor. Whatever stands above all floors (tests, benchmarks, tools) has none of its own.
pub(super) fn floor(name: &str) -> Option<Floor> {
    Some(match name {
        "domain" | "graph" => Floor::House(1),
        "ports" | "api-types" | "outbound" => Floor::House(2),
        "engine" | "store" | "gateway-meta" | "notifier" | "simulator" => Floor::House(3),
        "api" => Floor::House(4),
        "server" => Floor::House(5),
        "e2e" | "bench" | "fuzz" | "xtask" => Floor::Outside,
        "test-postgres" | "test-smtp" => Floor::TestAid,
        _ => return None,
    })
}

/// Where a crate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Floor {
    House(u8),
    /// Looks at the house; nothing in the house uses it.
    Outside,
    /// Serves tests of any floor, and nothing else.
    TestAid,
}

/// Crates that see only these of the house, whatever their floor would allow, and why.
pub(super) const NARROW: [(&str, &[&str], &str); 7] = [
    ("notifier", &["ports", "domain", "outbound"], "it carries what others wrote"),
    ("simulator", &["graph"], "it must not share our mistakes of use"),
    (
        "api",
        &["engine", "ports", "api-types", "domain", "graph"],
        "only the server chooses a store and a gateway",
    ),
    ("e2e", &["graph", "test-postgres", "test-smtp"], "it looks at the product from outside"),
    ("bench", &["graph", "test-postgres"], "it looks at the product from outside"),
    ("fuzz", &["graph"], "it feeds the wire and nothing else"),
    ("xtask", &[], "it must build when nothing else does"),
];

/// Libraries that occur in some crates alone: the name's start, where it is allowed, and where as well in tests.
pub(super) const KEPT_IN: [(&str, &[&str], &[&str]); 6] = [
    ("sea-orm", &["store", "bench"], &["e2e"]),
    ("sqlx", &["store", "bench"], &["e2e"]),
    ("axum", &["api", "simulator", "server", "bench"], &["gateway-meta", "notifier", "e2e"]),
    ("lettre", &["notifier"], &[]),
    ("reqwest", &["outbound", "gateway-meta", "notifier", "simulator", "server", "e2e", "bench"], &["api"]),
    (
        "anyhow",
        &["server", "xtask", "e2e", "bench", "fuzz"],
        &["store", "engine", "api", "simulator", "gateway-meta"],
    ),
];

/// Names that say nothing of what a file holds.
pub(super) const NAMELESS: [&str; 8] =
    ["utils", "util", "helpers", "helper", "common", "manager", "types", "misc"];

/// The columns of the house.
pub(super) const COLUMNS: [&str; 12] = [
    "access",
    "alerts",
    "connections",
    "consent",
    "contacts",
    "conversations",
    "imports",
    "media",
    "messages",
    "templates",
    "tenants",
    "webhooks",
];

/// Folders in which every column has a file (or a folder) of its name, except those listed.
pub(super) const COLUMN_FOLDERS: [(&str, &[&str]); 3] =
    [("crates/ports/src", &[]), ("crates/engine/src", &[]), ("crates/store/src", &[])];
