//! A way to a database that can stop carrying anything.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::spawn;

/// Whether it hangs, and who waits for its end.
#[derive(Default)]
struct Valve {
    hangs: Mutex<bool>,
    opened: Condvar,
    ended: AtomicBool,
}

/// Carries bytes between a client and a PostgreSQL.
pub(crate) struct Proxy(Arc<Valve>);

impl Proxy {
    /// A proxy before the server of this URL, and the URL that leads through it.
    pub(crate) fn to(url: &str) -> (Self, String) {
        let (before, rest) = url.split_once('@').expect("a URL with a user");
        let (address, after) = rest.split_once('/').expect("a URL with a database");
        let server = address.replace("localhost", "127.0.0.1");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let through = format!("{before}@{}/{after}", listener.local_addr().expect("an address"));
        let valve = Arc::new(Valve::default());
        let shared = Arc::clone(&valve);
        spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if shared.ended.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(server) = TcpStream::connect(&server) else { continue };
                carry(&client, &server, &shared);
                carry(&server, &client, &shared);
            }
        });
        (Self(valve), through)
    }

    /// Stops carrying, or goes on.
    pub(crate) fn hang(&self, hangs: bool) {
        *self.0.hangs.lock().unwrap() = hangs;
        self.0.opened.notify_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.0.ended.store(true, Ordering::SeqCst);
        self.hang(false);
    }
}

fn carry(from: &TcpStream, to: &TcpStream, valve: &Arc<Valve>) {
    let (mut from, mut to) = (from.try_clone().expect("a socket"), to.try_clone().expect("a socket"));
    let valve = Arc::clone(valve);
    spawn(move || {
        let mut buffer = vec![0; 16_384];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let hangs = valve.hangs.lock().unwrap();
            drop(valve.opened.wait_while(hangs, |hangs| *hangs).unwrap());
            if to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}
