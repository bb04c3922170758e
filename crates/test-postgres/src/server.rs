//! The server behind the databases.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const INSTALL: &str = "PostgreSQL is not installed. Type: apt-get install -y postgresql";

/// A server of this user, running.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    home: PathBuf,
    port: u16,
}

impl Server {
    /// The one of this user, started when it does not run.
    pub(crate) fn running(durable: bool) -> Self {
        let suffix = if durable { "-durable" } else { "" };
        let home = std::env::temp_dir().join(format!("waxwing-test-pg-{}{suffix}", user_id()));
        fs::create_dir_all(&home).unwrap_or_else(|why| panic!("{} cannot be made: {why}", home.display()));
        let _lock = locked(&home);
        let kept = fs::read_to_string(home.join("port")).ok().and_then(|text| text.trim().parse().ok());
        if let Some(server) = kept.map(|port| Self { home: home.clone(), port }).filter(Self::answers) {
            return server;
        }
        start(&home, durable)
    }

    /// Where a client finds the database `name`.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{name}?sslmode=disable", self.port)
    }

    /// Makes `name` as a copy of `template`; false when there is no such template.
    pub(crate) fn create(&self, name: &str, template: &str) -> bool {
        let _lock = locked(&self.home);
        let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        let create = format!("CREATE DATABASE {name} TEMPLATE {template}");
        match psql_all(&self.url("postgres"), &[&drop, &create]) {
            Ok(_) => true,
            Err(why) if why.contains("does not exist") => false,
            Err(why) => panic!("{create}: {why}"),
        }
    }

    pub(crate) fn remove(&self, name: &str) {
        // A test that is over has nobody left to tell; what stays is removed by the next one.
        let _ = psql(&self.url("postgres"), &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
    }

    /// Makes `template` when it is missing. A half-prepared one has the other name, so it is never taken.
    pub(crate) fn make_template(&self, template: &str, prepare: impl FnOnce(&str)) {
        let _lock = locked(&self.home);
        let count = self.must(&format!("SELECT count(*) FROM pg_database WHERE datname = '{template}'"));
        if count != "0" {
            return;
        }
        self.remove_orphans();
        let making = format!("{template}_making");
        self.remove(&making);
        self.must(&format!("CREATE DATABASE {making}"));
        prepare(&self.url(&making));
        self.must(&format!("ALTER DATABASE {making} RENAME TO {template}"));
    }

    /// Databases of processes that were killed.
    fn remove_orphans(&self) {
        let names = self.must("SELECT datname FROM pg_database WHERE datname LIKE 't\\_%'");
        for name in names.lines() {
            let alive = name.split('_').nth(1).is_some_and(|pid| Path::new("/proc").join(pid).exists());
            if !alive {
                self.remove(name);
            }
        }
    }

    fn must(&self, sql: &str) -> String {
        psql(&self.url("postgres"), sql).unwrap_or_else(|why| panic!("{sql}: {why}"))
    }

    fn answers(&self) -> bool {
        TcpStream::connect(("127.0.0.1", self.port)).is_ok()
    }
}

/// Runs one statement; the rows as text.
pub(crate) fn psql(url: &str, sql: &str) -> Result<String, String> {
    psql_all(url, &[sql])
}

/// Runs statements, each in a transaction of its own.
fn psql_all(url: &str, statements: &[&str]) -> Result<String, String> {
    let output = Command::new(binary("psql"))
        .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url])
        .args(statements.iter().flat_map(|sql| ["-c", sql]))
        .env("PGCONNECT_TIMEOUT", "10")
        .output()
        .map_err(|why| why.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn start(home: &Path, durable: bool) -> Server {
    // Whatever is left of an earlier server (a reboot, a kill) is not worth repairing.
    let data = home.join("data");
    let _ = run(&["pg_ctl", "-D", &text(&data), "-m", "immediate", "-w", "stop"]);
    let _ = fs::remove_dir_all(&data);
    if is_root() {
        expect(Command::new("chown").arg("postgres").arg(home), "give the folder to the user postgres");
    }
    must_run(&[
        "initdb",
        "-D",
        &text(&data),
        "-U",
        "postgres",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C",
        "--no-sync",
    ]);
    let port = free_port();
    let server = Server { home: home.to_owned(), port };
    let options = server_options(port, durable);
    let log = text(&home.join("log"));
    must_run(&["pg_ctl", "-D", &text(&data), "-l", &log, "-o", &options, "-w", "-t", "60", "start"]);
    assert!(server.answers(), "PostgreSQL does not answer on port {port}; see {log}");
    fs::write(home.join("port"), port.to_string()).expect("the folder is ours");
    stop_when_idle(&server, &data);
    server
}

fn server_options(port: u16, durable: bool) -> String {
    let sync = if durable { "on" } else { "off" };
    // Benches have the server as it is installed; tests are shorter than its minute.
    let naptime = if durable { "1min" } else { "10s" };
    format!(
        "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=200 \
         -c shared_buffers=128MB -c max_wal_size=2GB -c fsync={sync} -c synchronous_commit={sync} \
         -c full_page_writes={sync} -c autovacuum_naptime={naptime} -c log_checkpoints=off -c log_min_messages=fatal"
    )
}

/// So that nothing stays behind on a developer's machine.
fn stop_when_idle(server: &Server, data: &Path) {
    let mut command = as_postgres(Path::new("setsid"));
    let spawned = command
        .args(["sh", "-c", include_str!("stop_when_idle.sh")])
        .env("LOCK", server.home.join("lock"))
        .env("DATA", data)
        .env("PSQL", binary("psql"))
        .env("PG_CTL", binary("pg_ctl"))
        .env("URL", server.url("postgres"))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Err(why) = spawned {
        eprintln!("the test server will not stop by itself: {why}");
    }
}

fn must_run(words: &[&str]) {
    run(words).unwrap_or_else(|why| panic!("{}: {why}", words.join(" ")));
}

/// Runs one of PostgreSQL's programs, which refuse to run as root. Output goes to a file: a started server keeps
/// its parent's pipes open.
fn run(words: &[&str]) -> Result<(), String> {
    let (program, arguments) = words.split_first().ok_or("no program")?;
    let status = as_postgres(&binary(program))
        .args(arguments)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(|why| why.to_string())?;
    if status.success() { Ok(()) } else { Err(status.to_string()) }
}

fn as_postgres(program: &Path) -> Command {
    if is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

fn expect(command: &mut Command, what: &str) {
    let done = command.status().is_ok_and(|status| status.success());
    assert!(done, "could not {what}");
}

/// The newest installed PostgreSQL's program, or the one in the path.
fn binary(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|version| Path::new(&format!("/usr/lib/postgresql/{version}/bin/{name}")).exists())
        .max();
    if let Some(version) = newest {
        return PathBuf::from(format!("/usr/lib/postgresql/{version}/bin/{name}"));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.exists()).expect(INSTALL)
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).and_then(|socket| socket.local_addr()).expect("a free port").port()
}

/// Held until dropped: one process at a time starts the server or makes databases.
fn locked(home: &Path) -> File {
    let file = File::create(home.join("lock")).expect("the folder is ours");
    file.lock().expect("a lock can be waited for");
    file
}

fn user_id() -> u32 {
    fs::metadata("/proc/self").map_or(0, |metadata| metadata.uid())
}

fn is_root() -> bool {
    user_id() == 0
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
