//! As much HTTP/1.1 as the rig needs: one request a connection, bodies held in memory.
//!
//! A library would do more than the emulators speak, and would hide from the fault proxy exactly
//! what it is there to show: connections, resets, half answers.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// The first line, the headers and the body of a request or an answer.
#[derive(Clone, Debug)]
pub struct Message {
    /// `POST / HTTP/1.1`, or `HTTP/1.1 200 OK`.
    pub start: String,
    /// Names as sent, with their values.
    pub headers: Vec<(String, String)>,
    /// The body, without transfer coding.
    pub body: Vec<u8>,
}

impl Message {
    /// The value of the first header with this name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(each, _)| each.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The status of an answer; 0 for what is none.
    pub fn status(&self) -> u16 {
        self.start.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
    }

    /// Reads one message; `None` when the other side closed before a new one began.
    pub fn read(source: &mut impl BufRead) -> io::Result<Option<Self>> {
        let Some(start) = read_line(source)? else { return Ok(None) };
        let mut headers = Vec::new();
        loop {
            let line = read_line(source)?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or(io::ErrorKind::InvalidData)?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let mut message = Self { start, headers, body: Vec::new() };
        message.body = message.read_body(source)?;
        Ok(Some(message))
    }

    fn read_body(&self, source: &mut impl BufRead) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        if self.header("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
            loop {
                let line = read_line(source)?.ok_or(io::ErrorKind::UnexpectedEof)?;
                let size = line.split(';').next().unwrap_or_default().trim();
                let size = u64::from_str_radix(size, 16).map_err(|_| io::ErrorKind::InvalidData)?;
                source.by_ref().take(size).read_to_end(&mut body)?;
                // The line end after a chunk, or the empty line after the last one.
                read_line(source)?;
                if size == 0 {
                    return Ok(body);
                }
            }
        }
        if let Some(size) = self.header("content-length") {
            let size: usize = size.parse().map_err(|_| io::ErrorKind::InvalidData)?;
            body.resize(size, 0);
            source.read_exact(&mut body)?;
        } else if self.start.starts_with("HTTP/") && !matches!(self.status(), 100..200 | 204 | 304)
        {
            source.read_to_end(&mut body)?;
        }
        Ok(body)
    }

    /// Writes the message, with the length its body has and the headers that are about one
    /// connection replaced by `connection`.
    pub fn write(&self, target: &mut impl Write, connection: &str) -> io::Result<()> {
        let mut head = format!("{}\r\n", self.start);
        for (name, value) in &self.headers {
            let own = ["content-length", "transfer-encoding", "connection", "keep-alive"];
            if !own.iter().any(|each| name.eq_ignore_ascii_case(each)) {
                head += &format!("{name}: {value}\r\n");
            }
        }
        head += &format!("Content-Length: {}\r\nConnection: {connection}\r\n\r\n", self.body.len());
        // One write: two would wait for each other's acknowledgement.
        target.write_all(&[head.as_bytes(), &self.body].concat())?;
        target.flush()
    }
}

/// Sends one message to `address` (`127.0.0.1:4577`) and reads the answer.
pub fn send(address: &str, message: &Message, limit: Duration) -> io::Result<Message> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(limit))?;
    message.write(&mut &stream, "close")?;
    // Informational answers announce the real one.
    let mut source = BufReader::new(&stream);
    loop {
        match Message::read(&mut source)? {
            Some(answer) if matches!(answer.status(), 100..200) => {}
            Some(answer) => return Ok(answer),
            None => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// Asks `address` for `path`.
pub fn get(address: &str, path: &str, limit: Duration) -> io::Result<Message> {
    let request = Message {
        start: format!("GET {path} HTTP/1.1"),
        headers: vec![("Host".into(), address.into())],
        body: Vec::new(),
    };
    send(address, &request, limit)
}

/// The `host:port` of an `http://host:port` address.
pub fn host_of(url: &str) -> &str {
    url.trim_start_matches("http://").trim_end_matches('/')
}

fn read_line(source: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    if source.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunked_body_is_put_together() {
        let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n";
        let message = Message::read(&mut text.as_bytes()).unwrap().unwrap();
        assert_eq!((message.status(), message.body.as_slice()), (200, b"abcde".as_slice()));
    }

    #[test]
    fn a_body_is_read_to_its_length_and_no_further() {
        let text = "POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\nabGET";
        let mut source = text.as_bytes();
        let message = Message::read(&mut source).unwrap().unwrap();
        assert_eq!((message.body.as_slice(), source), (b"ab".as_slice(), b"GET".as_slice()));
    }
}
