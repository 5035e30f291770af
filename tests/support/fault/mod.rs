//! A loopback proxy between a client and a real emulator that can make calls fail, and that writes
//! down every one.
//!
//! It stands *in front of* a KMS or STS that really works: what no rule matches is forwarded as it
//! came, and answered by the emulator. So a test of throttling ends with a real wrapped key, and
//! the number of calls that is asserted is the number a real service would have been sent.
//!
//! ```no_run
//! use sops_tests::fault::{FaultProxy, Rule};
//! # fn main() {
//! let Some(aws) = sops_tests::need::aws() else { return };
//! let proxy = FaultProxy::in_front_of(&aws.kms);
//! proxy.add(Rule::on("Decrypt").in_region("us-east-1").times(2).throttled());
//! let environment = aws.through(&proxy).environment();
//! // run the client with that environment, then:
//! assert_eq!(proxy.count("Decrypt"), 3);
//! # }
//! ```

mod call;
mod rule;
mod tunnel;

use std::collections::HashMap;
use std::io::{self, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

pub use call::Call;
pub use rule::{Fault, Rule};
pub use tunnel::Tunnel;

use crate::http::{self, Message};

/// How long the emulator behind the proxy may take.
const UPSTREAM_LIMIT: Duration = Duration::from_secs(60);

/// A running proxy. Dropping it ends it and all of its connections.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<thread::JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    upstream: String,
    started: Instant,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    rules: Vec<Rule>,
    calls: Vec<Call>,
    /// How many connections were accepted; also the number of the next one.
    accepted: usize,
    /// Those that are open now, by number, so that the end of the proxy is their end too.
    open: HashMap<usize, TcpStream>,
    ended: bool,
}

impl FaultProxy {
    /// Starts a proxy before the server at `url` (`http://127.0.0.1:PORT`), without any rules.
    pub fn in_front_of(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
        let address = listener.local_addr().expect("a listener has an address");
        let shared = Arc::new(Shared {
            upstream: http::host_of(url).to_owned(),
            started: Instant::now(),
            state: Mutex::default(),
        });
        let accepting = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Self { address, shared, accepting: Some(accepting) }
    }

    /// Where clients find it: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Adds a rule after those that are there; the first one that matches a call decides.
    pub fn add(&self, rule: Rule) -> &Self {
        self.shared.state().rules.push(rule);
        self
    }

    /// Forgets all rules and all calls, for the next part of a test.
    pub fn reset(&self) {
        let mut state = self.shared.state();
        state.rules.clear();
        state.calls.clear();
    }

    /// All calls so far, in the order they came.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.state().calls.clone()
    }

    /// How often an operation was called, in any region and with any result.
    pub fn count(&self, operation: &str) -> usize {
        self.shared.state().calls.iter().filter(|call| call.operation == operation).count()
    }

    /// How many connections were opened.
    pub fn connections(&self) -> usize {
        self.shared.state().accepted
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        {
            let mut state = self.shared.state();
            state.ended = true;
            for (_, connection) in state.open.drain() {
                // The client may have closed it in this moment.
                let _ = connection.shutdown(Shutdown::Both);
            }
        }
        // The accepting thread looks up only when someone comes.
        if TcpStream::connect(self.address).is_ok()
            && let Some(accepting) = self.accepting.take()
        {
            let _ = accepting.join();
        }
    }
}

/// An address where connections are refused for as long as this value lives.
#[derive(Debug)]
pub struct NobodyListens {
    url: String,
    /// Bound, so that nobody else gets the port, and not listening.
    _socket: OwnedFd,
}

impl NobodyListens {
    /// Takes a port.
    pub fn new() -> Self {
        use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        bind(&socket, &any_port).expect("a free port on loopback");
        let bound = getsockname(&socket).expect("a bound socket has an address");
        let address = SocketAddr::try_from(bound).expect("an internet address");
        Self { url: format!("http://{address}"), _socket: socket }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Default for NobodyListens {
    fn default() -> Self {
        Self::new()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a call down and says which fault it meets.
    fn arrive(&self, call: Call) -> (usize, Duration, Fault) {
        let mut state = self.state();
        let found = state.rules.iter_mut().find_map(|rule| rule.meet(&call));
        let (delay, fault) = found.unwrap_or((Duration::ZERO, Fault::None));
        state.calls.push(call);
        (state.calls.len() - 1, delay, fault)
    }

    fn answered(&self, call: usize, status: u16) {
        // The log may have been reset while the call was under way.
        if let Some(call) = self.state().calls.get_mut(call) {
            call.status = Some(status);
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        let Ok(copy) = stream.try_clone() else { continue };
        let number = {
            let mut state = shared.state();
            if state.ended {
                return;
            }
            state.accepted += 1;
            let number = state.accepted;
            state.open.insert(number, copy);
            number
        };
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            // A connection that breaks is the client's to notice.
            let _ = serve(&stream, number, &shared);
            // Both owners go, which closes the socket: with a reset if one was asked for.
            shared.state().open.remove(&number);
        });
    }
}

/// Answers the calls of one connection until the client, or a fault, ends it.
fn serve(stream: &TcpStream, connection: usize, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut source = BufReader::new(stream);
    while let Some(request) = Message::read(&mut source)? {
        let call = Call::of(&request, connection, shared.started.elapsed());
        let (number, delay, fault) = shared.arrive(call);
        if !delay.is_zero() {
            thread::sleep(delay);
        }
        let answer = match fault {
            Fault::Hang => return io::copy(&mut source, &mut io::sink()).map(drop),
            Fault::Reset => return reset_on_close(stream),
            Fault::CutShort => return cut_short(stream, &forward(&request, shared)?),
            Fault::Answer { status, content_type, body } => answer(status, content_type, body),
            Fault::None => forward(&request, shared)?,
        };
        // Written down first: a test that has the answer may ask for the log at once.
        shared.answered(number, answer.status());
        answer.write(&mut &*stream, "keep-alive")?;
    }
    Ok(())
}

fn forward(request: &Message, shared: &Shared) -> io::Result<Message> {
    http::send(&shared.upstream, request, UPSTREAM_LIMIT).or_else(|error| {
        let text = format!("fault proxy: {} does not answer: {error}", shared.upstream);
        Ok(answer(502, "text/plain".into(), text))
    })
}

fn answer(status: u16, content_type: String, body: String) -> Message {
    Message {
        start: format!("HTTP/1.1 {status} Injected"),
        headers: vec![("Content-Type".into(), content_type)],
        body: body.into_bytes(),
    }
}

/// Makes the close that follows look as if the host had crashed.
fn reset_on_close(stream: &TcpStream) -> io::Result<()> {
    rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO))?;
    Ok(())
}

/// Promises the whole answer and sends half of it.
fn cut_short(stream: &TcpStream, answer: &Message) -> io::Result<()> {
    let mut bytes = Vec::new();
    answer.write(&mut bytes, "close")?;
    bytes.truncate(bytes.len() - answer.body.len().div_ceil(2));
    (&*stream).write_all(&bytes)
}

#[cfg(test)]
mod tests;
