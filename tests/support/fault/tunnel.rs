//! A tunnel to a server that speaks TLS: bytes pass as they are, and can be held, slowed or cut.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// A running tunnel. Dropping it ends it and all of its connections.
///
/// It knows nothing of what passes through: for an API server that is stopped, slow, or behind a
/// network that fails. Faults by request are those of [`FaultProxy`](super::FaultProxy).
#[derive(Debug)]
pub struct Tunnel {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<thread::JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    server: String,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    held: bool,
    closed: bool,
    delay: Duration,
    ended: bool,
    /// How many connections were accepted; also the number of the next one.
    accepted: usize,
    /// Both ends of those that are open, by number.
    open: HashMap<usize, [TcpStream; 2]>,
}

impl Tunnel {
    /// Leads to `server`, `127.0.0.1:PORT`, without any fault.
    pub fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
        let address = listener.local_addr().expect("a listener has an address");
        let shared = Arc::new(Shared {
            server: server.to_owned(),
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let accepting = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Self { address, shared, accepting: Some(accepting) }
    }

    /// Where clients find it: `https://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Holds all bytes, in both directions, and all new connections: as if the server hung.
    pub fn hold(&self) {
        self.change(|state| state.held = true);
    }

    /// Lets them go on, nothing lost.
    pub fn release(&self) {
        self.change(|state| state.held = false);
    }

    /// Lets every piece wait for this long before it goes on.
    pub fn delay(&self, delay: Duration) {
        self.change(|state| state.delay = delay);
    }

    /// Ends the connections that are open now. New ones are fine.
    pub fn cut(&self) {
        self.change(State::cut);
    }

    /// Ends all connections, also those that come, until [`Tunnel::open`].
    pub fn close(&self) {
        self.change(|state| {
            state.closed = true;
            state.cut();
        });
    }

    /// Takes connections again.
    pub fn open(&self) {
        self.change(|state| state.closed = false);
    }

    /// How many connections came so far, also those that were refused.
    pub fn connections(&self) -> usize {
        self.shared.state().accepted
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.shared.state());
        self.shared.changed.notify_all();
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.change(|state| {
            state.ended = true;
            state.cut();
        });
        // The accepting thread looks up only when someone comes.
        if TcpStream::connect(self.address).is_ok()
            && let Some(accepting) = self.accepting.take()
        {
            let _ = accepting.join();
        }
    }
}

impl State {
    fn cut(&mut self) {
        for (_, ends) in self.open.drain() {
            for end in ends {
                // It may have been closed in this moment.
                let _ = end.shutdown(Shutdown::Both);
            }
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when bytes may pass: `false` when the tunnel or the connection is no more.
    fn passes(&self, number: usize) -> bool {
        let mut state = self.state();
        while state.held && !state.ended {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let delay = state.delay;
        let open = !state.ended && state.open.contains_key(&number);
        drop(state);
        thread::sleep(delay);
        open
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for client in listener.incoming().flatten() {
        let mut state = shared.state();
        if state.ended {
            return;
        }
        state.accepted += 1;
        let number = state.accepted;
        if state.closed {
            continue;
        }
        // Nobody there: the client's connection ends as well.
        let Ok(server) = TcpStream::connect(&shared.server) else { continue };
        let ends = [&client, &server].map(|end| end.try_clone().expect("a connection is cloned"));
        let again = [&client, &server].map(|end| end.try_clone().expect("a connection is cloned"));
        state.open.insert(number, ends);
        drop(state);
        let [to_client, to_server] = again;
        for (from, to) in [(client, to_server), (server, to_client)] {
            let shared = Arc::clone(shared);
            thread::spawn(move || carry(from, to, number, &shared));
        }
    }
}

/// Carries one direction until it ends; then the connection is over, in both.
fn carry(mut from: TcpStream, mut to: TcpStream, number: usize, shared: &Shared) {
    let mut piece = [0; 16 * 1024];
    while let Ok(count) = from.read(&mut piece)
        && count > 0
        && shared.passes(number)
        && to.write_all(&piece[..count]).is_ok()
    {}
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
    shared.state().open.remove(&number);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::time::Instant;

    /// A server that says every line again.
    fn echo() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            for mut client in listener.incoming().flatten() {
                thread::spawn(move || {
                    let lines = BufReader::new(client.try_clone().unwrap());
                    for line in lines.lines().map_while(Result::ok) {
                        if writeln!(client, "{line}").is_err() {
                            return;
                        }
                    }
                });
            }
        });
        address
    }

    fn connect(tunnel: &Tunnel) -> BufReader<TcpStream> {
        BufReader::new(TcpStream::connect(tunnel.address).unwrap())
    }

    fn say(connection: &mut BufReader<TcpStream>, word: &str) {
        writeln!(connection.get_mut(), "{word}").unwrap();
    }

    fn hear(connection: &mut BufReader<TcpStream>) -> String {
        let mut line = String::new();
        // A connection that was cut may also say so.
        let _ = connection.read_line(&mut line);
        line.trim_end().to_owned()
    }

    #[test]
    fn bytes_pass_and_a_delay_slows_them() {
        let tunnel = Tunnel::to(&echo());
        let mut connection = connect(&tunnel);
        say(&mut connection, "one");
        assert_eq!(hear(&mut connection), "one");
        tunnel.delay(Duration::from_millis(30));
        let started = Instant::now();
        say(&mut connection, "two");
        assert_eq!(hear(&mut connection), "two");
        assert!(started.elapsed() >= Duration::from_millis(60), "there and back");
    }

    #[test]
    fn what_is_held_arrives_after_the_release() {
        let tunnel = Tunnel::to(&echo());
        let mut connection = connect(&tunnel);
        tunnel.hold();
        say(&mut connection, "late");
        let limit = Some(Duration::from_millis(50));
        connection.get_ref().set_read_timeout(limit).unwrap();
        assert_eq!(hear(&mut connection), "", "nothing comes through");
        connection.get_ref().set_read_timeout(None).unwrap();
        tunnel.release();
        assert_eq!(hear(&mut connection), "late");
    }

    #[test]
    fn a_cut_ends_what_is_open_and_a_closed_tunnel_what_comes() {
        let tunnel = Tunnel::to(&echo());
        let mut first = connect(&tunnel);
        say(&mut first, "one");
        assert_eq!(hear(&mut first), "one");
        tunnel.cut();
        assert_eq!(hear(&mut first), "", "cut");
        tunnel.close();
        assert_eq!(hear(&mut connect(&tunnel)), "", "closed");
        tunnel.open();
        let mut third = connect(&tunnel);
        say(&mut third, "three");
        assert_eq!(hear(&mut third), "three");
        assert_eq!(tunnel.connections(), 3);
    }
}
