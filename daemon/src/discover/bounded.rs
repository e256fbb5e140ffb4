//! Reading what others wrote, up to a bound: none of them may fill the daemon's memory.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, copy, sink};

/// The longest list of models that is read. The longest known is Codex's at 750 KB, most of it prompts.
pub(super) const LIST_BYTES: usize = 8 << 20;

/// Everything there is to read, unless it is longer than [`LIST_BYTES`].
pub(super) async fn whole(source: impl AsyncRead + Unpin) -> io::Result<Option<Vec<u8>>> {
    let mut read = Vec::new();
    source.take(LIST_BYTES as u64 + 1).read_to_end(&mut read).await?;
    Ok(Some(read).filter(|read| read.len() <= LIST_BYTES))
}

/// The first `bytes`. The rest is read as well and dropped, so that a writer never waits for its reader.
pub(super) async fn beginning(mut source: impl AsyncRead + Unpin, bytes: u64) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    (&mut source).take(bytes).read_to_end(&mut read).await?;
    copy(&mut source, &mut sink()).await?;
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_list_may_be_as_long_as_the_limit_and_no_longer() {
        let longest = vec![b'x'; LIST_BYTES];
        assert_eq!(whole(longest.as_slice()).await.unwrap(), Some(longest));
        assert_eq!(whole(vec![b'x'; LIST_BYTES + 1].as_slice()).await.unwrap(), None);
    }

    #[tokio::test]
    async fn only_the_beginning_is_kept_and_all_is_read() {
        let mut source: &[u8] = b"the beginning, and the rest";
        assert_eq!(beginning(&mut source, 13).await.unwrap(), b"the beginning");
        assert!(source.is_empty());
    }
}
