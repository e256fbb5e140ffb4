//! A TCP proxy that can stop to forward and keeps its sockets open, like a network that is gone.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub struct Proxy {
    pub addr: SocketAddr,
    target: watch::Sender<Option<SocketAddr>>,
    gone: watch::Sender<bool>,
}

impl Proxy {
    /// Forwards once it has a target.
    pub async fn start(addr: SocketAddr) -> Self {
        let listener = TcpListener::bind(addr).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (target, targets) = watch::channel(None);
        let (gone, is_gone) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let target: Option<SocketAddr> = *targets.borrow();
                tokio::spawn(forward(stream, target, is_gone.clone()));
            }
        });
        Self { addr, target, gone }
    }

    pub fn set_target(&self, target: SocketAddr) {
        self.target.send_replace(Some(target));
    }

    /// Nothing passes any more.
    pub fn cut(&self) {
        self.gone.send_replace(true);
    }
}

async fn forward(stream: TcpStream, target: Option<SocketAddr>, is_gone: watch::Receiver<bool>) {
    let Some(target) = target else { return };
    let Ok(other) = TcpStream::connect(target).await else { return };
    let ((read, write), (other_read, other_write)) = (stream.into_split(), other.into_split());
    tokio::join!(copy(read, other_write, is_gone.clone()), copy(other_read, write, is_gone));
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut is_gone: watch::Receiver<bool>) {
    let mut buffer = [0; 4096];
    loop {
        let read = tokio::select! {
            biased;
            _ = is_gone.wait_for(|gone| *gone) => None,
            read = from.read(&mut buffer) => Some(read),
        };
        // The sockets stay open.
        let Some(read) = read else { return std::future::pending().await };
        match read {
            Ok(0) | Err(_) => return,
            Ok(count) => {
                if to.write_all(&buffer[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}
