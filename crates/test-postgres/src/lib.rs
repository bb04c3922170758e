//! A real PostgreSQL for tests and benches: one private server per user, started when it is first asked for, a fresh
//! database for each test. Nothing of the machine's own PostgreSQL is touched.
//!
//! A missing PostgreSQL is a failure with the command that installs it, never a skip.

mod server;

use std::sync::atomic::{AtomicU32, Ordering};

use server::Server;

/// A database of one test, dropped with this value.
#[derive(Debug)]
pub struct TestDatabase {
    /// `postgres://…` for any client.
    pub url: String,
    name: String,
    server: Server,
}

/// An empty database on a server that does not sync to disk: for tests.
///
/// # Panics
/// When PostgreSQL is not installed or does not start, with what to do.
pub fn database() -> TestDatabase {
    create(Server::running(false), "template1")
}

/// An empty database on a server that syncs every commit: for benches.
///
/// # Panics
/// As [`database`].
pub fn durable_database() -> TestDatabase {
    create(Server::running(true), "template1")
}

/// A copy of the database `template`, which is made by `prepare` (given its URL) when no test made it before. A
/// copy costs a few milliseconds where a migration costs hundreds. `prepare` must close its connections.
///
/// # Panics
/// As [`database`].
pub fn database_like(template: &str, prepare: impl FnOnce(&str)) -> TestDatabase {
    let server = Server::running(false);
    let name = next_name();
    if !server.create(&name, template) {
        server.make_template(template, prepare);
        assert!(server.create(&name, template), "the template {template} is gone");
    }
    TestDatabase { url: server.url(&name), name, server }
}

fn create(server: Server, template: &str) -> TestDatabase {
    let name = next_name();
    assert!(server.create(&name, template), "the database {template} is gone");
    TestDatabase { url: server.url(&name), name, server }
}

/// Distinct among the processes that run now; what a killed one left under the name is replaced.
fn next_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("t_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        self.server.remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_test_has_a_database_of_its_own_and_a_template_is_prepared_once() {
        let name = format!("template_{}", std::process::id());
        let first = database_like(&name, |url| {
            server::psql(url, "CREATE TABLE things (id int)").expect("prepared");
        });
        let second = database_like(&name, |_| panic!("prepared twice"));
        assert_ne!(first.url, second.url);
        server::psql(&first.url, "INSERT INTO things VALUES (1)").expect("the table is there");
        assert_eq!(server::psql(&second.url, "SELECT count(*) FROM things").as_deref(), Ok("0"));
        first.server.remove(&name);
    }

    #[test]
    fn a_database_is_gone_when_its_test_is_over() {
        let database = database();
        let (name, server) = (database.name.clone(), database.server.clone());
        drop(database);
        let found = format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'");
        assert_eq!(server::psql(&server.url("postgres"), &found).as_deref(), Ok("0"));
    }
}
