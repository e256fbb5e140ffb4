//! As much of HTTP as it takes to answer one call.

use std::io;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::script::Call;

/// Reads a call.
pub(super) async fn read(stream: &mut BufReader<TcpStream>) -> io::Result<Call> {
    let (mut call, mut length, mut line) = (Call::default(), 0, String::new());
    stream.read_line(&mut line).await?;
    let mut words = line.split(' ').map(str::to_owned);
    (call.method, call.path) = words.next().zip(words.next()).ok_or(io::ErrorKind::UnexpectedEof)?;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        match line.trim_end().split_once(": ") {
            Some(("authorization", value)) => call.authorization.push(value.to_owned()),
            Some(("content-length", value)) => length = value.parse().unwrap(),
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    call.body = serde_json::from_slice(&body).unwrap_or_default();
    Ok(call)
}

/// Writes an answer, the last one of the connection.
pub(super) async fn write(stream: &mut BufReader<TcpStream>, status: u16, body: &str) -> io::Result<()> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} \r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    stream.write_all(format!("{head}{body}").as_bytes()).await
}
