//! The proxy before a stand-in of three lines, and before the real emulator.

use super::*;
use crate::need;
use crate::rig::aws::{ACCOUNT, Aws, MAIN, REGION};
use crate::run::Run;
use crate::scratch::Scratch;
use serde_json::json;

/// A server that answers everything with the operation it was asked for.
struct Echo {
    url: String,
}

impl Echo {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                let request = Message::read(&mut BufReader::new(&stream)).unwrap().unwrap();
                let target = request.header("x-amz-target").unwrap_or("nothing").to_owned();
                answer(200, "text/plain".into(), target).write(&mut &stream, "close").unwrap();
            }
        });
        Self { url }
    }
}

/// A call as a client makes it: operation and region.
fn call(proxy: &FaultProxy, operation: &str, region: &str) -> io::Result<(u16, String)> {
    let url = proxy.url();
    let authorization = format!("AWS4-HMAC-SHA256 Credential=x/d/{region}/kms/aws4_request");
    let request = Message {
        start: "POST / HTTP/1.1".into(),
        headers: vec![
            ("X-Amz-Target".into(), format!("TrentService.{operation}")),
            ("Authorization".into(), authorization),
        ],
        body: Vec::new(),
    };
    let answer = http::send(http::host_of(&url), &request, Duration::from_secs(5))?;
    Ok((answer.status(), String::from_utf8(answer.body).unwrap()))
}

#[test]
fn what_no_rule_matches_is_forwarded_and_written_down() {
    let echo = Echo::new();
    let proxy = FaultProxy::in_front_of(&echo.url);
    proxy.add(Rule::on("Encrypt").in_region("us-east-1").throttled());
    let (status, body) = call(&proxy, "Encrypt", "us-east-1").unwrap();
    assert!(status == 400 && body.contains("ThrottlingException"), "{body}");
    for (operation, region) in [("Encrypt", "eu-west-1"), ("Decrypt", "us-east-1")] {
        let expected = (200, format!("TrentService.{operation}"));
        assert_eq!(call(&proxy, operation, region).unwrap(), expected);
    }
    let log: Vec<_> =
        proxy.calls().into_iter().map(|c| (c.operation, c.region, c.status)).collect();
    let line =
        |operation: &str, region: &str, status| (operation.into(), region.into(), Some(status));
    let expected = [
        line("Encrypt", "us-east-1", 400),
        line("Encrypt", "eu-west-1", 200),
        line("Decrypt", "us-east-1", 200),
    ];
    assert_eq!(log, expected);
    assert_eq!((proxy.count("Encrypt"), proxy.connections()), (2, 3));
}

#[test]
fn a_rule_with_a_number_ends_and_one_may_begin_late() {
    let echo = Echo::new();
    let proxy = FaultProxy::in_front_of(&echo.url);
    proxy.add(Rule::on("A").times(2).broken()).add(Rule::on("B").after(1).denied("no"));
    let statuses = |operation| -> Vec<u16> {
        (0..3).map(|_| call(&proxy, operation, "r").unwrap().0).collect()
    };
    assert_eq!(statuses("A"), [500, 500, 200]);
    assert_eq!(statuses("B"), [200, 400, 400]);
}

#[test]
fn a_reset_is_a_reset_and_half_an_answer_is_half() {
    let echo = Echo::new();
    let proxy = FaultProxy::in_front_of(&echo.url);
    proxy.add(Rule::on("A").resets()).add(Rule::on("B").cuts_short());
    assert_eq!(call(&proxy, "A", "r").unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(call(&proxy, "B", "r").unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    assert_eq!(proxy.calls()[0].status, None);
}

#[test]
fn a_call_that_hangs_ends_with_the_proxy() {
    let echo = Echo::new();
    let proxy = FaultProxy::in_front_of(&echo.url);
    proxy.add(Rule::always().hangs());
    let stream = TcpStream::connect(proxy.address).unwrap();
    let request = Message { start: "POST / HTTP/1.1".into(), headers: vec![], body: vec![] };
    request.write(&mut &stream, "close").unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let mut source = BufReader::new(&stream);
    let error = Message::read(&mut source).unwrap_err();
    assert!(matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut), "{error}");
    drop(proxy);
    assert!(Message::read(&mut source).unwrap().is_none());
}

#[test]
fn a_delay_comes_before_the_answer() {
    let echo = Echo::new();
    let proxy = FaultProxy::in_front_of(&echo.url);
    proxy.add(Rule::always().delayed(Duration::from_millis(80)));
    let started = Instant::now();
    assert_eq!(call(&proxy, "A", "r").unwrap().0, 200);
    assert!(started.elapsed() >= Duration::from_millis(80));
}

#[test]
fn nobody_listens_where_it_says_so() {
    let nobody = NobodyListens::new();
    let error = TcpStream::connect(http::host_of(nobody.url())).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
}

#[test]
fn the_real_emulator_answers_through_the_proxy() {
    let Some(aws) = need::aws() else { return };
    let proxy = FaultProxy::in_front_of(&aws.kms);
    proxy.add(Rule::on("Encrypt").times(1).throttled());
    let through: Aws = aws.through(&proxy);
    let encrypt = || {
        let request = json!({"KeyId": MAIN, "Plaintext": "CQkJCQ=="});
        through.kms(REGION, ACCOUNT, "Encrypt", request)
    };
    assert!(encrypt().unwrap_err().contains("ThrottlingException"));
    assert_eq!(encrypt().unwrap()["KeyId"], MAIN);
    let calls = proxy.calls();
    assert_eq!(calls[1].key.as_deref(), Some(MAIN));
    assert_eq!(calls[1].access_key, ACCOUNT);
}

#[test]
fn the_go_program_encrypts_with_one_call_and_decrypts_with_one() {
    let (Some(aws), Some(peer)) = (need::aws(), need::peer()) else { return };
    let proxy = FaultProxy::in_front_of(&aws.kms);
    let scratch = Scratch::new();
    let plain = scratch.write("a.yaml", "a: hello\n");
    // Outside of this repository, whose .sops.yaml has no rule for the file.
    let run = |run: Run| {
        run.within(scratch.path()).envs(aws.through(&proxy).environment()).run().success()
    };
    let sealed = run(Run::peer(&peer, ["encrypt", "--kms", MAIN]).arg(plain));
    let sealed = scratch.write("sealed.yaml", &sealed.stdout);
    assert_eq!(run(Run::peer(&peer, ["decrypt"]).arg(sealed)).out(), "a: hello\n");
    assert_eq!((proxy.count("Encrypt"), proxy.count("Decrypt")), (1, 1));
}
