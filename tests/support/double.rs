//! A double: a server on loopback that answers what the test tells it, and writes down every
//! request. For services that no emulator offers, such as instance metadata.

use std::fmt;
use std::io::BufReader;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::http::Message;

/// What a double answers: `None` leaves the caller waiting.
type Answers = Box<dyn Fn(&Message) -> Option<Message> + Send + Sync>;

/// A running double. Dropping it ends it and all of its connections.
#[derive(Debug)]
pub struct Double {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    answers: Answers,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    seen: Vec<Message>,
    open: Vec<TcpStream>,
    ended: bool,
}

impl Double {
    /// Starts a server that answers like this.
    pub fn new(answers: impl Fn(&Message) -> Option<Message> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
        let address = listener.local_addr().expect("a listener has an address");
        let shared = Arc::new(Shared { answers: Box::new(answers), state: Mutex::default() });
        thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                for stream in listener.incoming().flatten() {
                    let mut state = shared.state();
                    if state.ended {
                        return;
                    }
                    state.open.push(stream.try_clone().expect("a socket can be shared"));
                    drop(state);
                    let shared = Arc::clone(&shared);
                    thread::spawn(move || shared.serve(&stream));
                }
            }
        });
        Self { address, shared }
    }

    /// A server that takes connections and never answers.
    pub fn silent() -> Self {
        Self::new(|_| None)
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The first lines of all requests so far, without the version of the protocol.
    pub fn seen(&self) -> Vec<String> {
        let seen = &self.shared.state().seen;
        seen.iter().map(|message| message.start.trim_end_matches(" HTTP/1.1").into()).collect()
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.ended = true;
        for stream in state.open.drain(..) {
            // One that has ended is as good.
            let _ = stream.shutdown(Shutdown::Both);
        }
        drop(state);
        // Wakes whoever waits for a connection.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, stream: &TcpStream) {
        let mut source = BufReader::new(stream);
        while let Ok(Some(request)) = Message::read(&mut source) {
            let answer = (self.answers)(&request);
            self.state().seen.push(request);
            match answer {
                Some(answer) if answer.write(&mut &*stream, "keep-alive").is_ok() => {}
                Some(_) => return,
                // Whoever waits is let go by the end of this double.
                None => {}
            }
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("state", &self.state).finish_non_exhaustive()
    }
}

/// An answer with this status and body.
pub fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Option<Message> {
    let named = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Some(Message {
        start: format!("HTTP/1.1 {status} -"),
        headers: named.collect(),
        body: body.as_bytes().to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::http;

    #[test]
    fn a_double_answers_as_told_and_lists_what_it_was_asked() {
        let double = Double::new(|request| match request.start.starts_with("GET /known ") {
            true => answer(200, &[("X-Name", "value")], "text"),
            false => answer(404, &[], ""),
        });
        let url = double.url();
        let get = |path| http::get(http::host_of(&url), path, Duration::from_secs(30)).unwrap();
        let known = get("/known");
        assert_eq!((known.status(), known.header("x-name")), (200, Some("value")));
        assert_eq!((known.body.as_slice(), get("/other").status()), (b"text".as_slice(), 404));
        assert_eq!(double.seen(), ["GET /known", "GET /other"]);
    }
}
