//! Changes to a text that was right, as the fuzzer's bytes say.

/// Bytes of one change: what to do, where, and with which byte.
const EDIT_BYTES: usize = 3;

/// Replaces, inserts and removes single bytes.
pub(crate) fn edited(text: &str, edits: &[u8]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for edit in edits.as_chunks::<EDIT_BYTES>().0 {
        let [what, at, byte] = *edit;
        let at = usize::from(at) * bytes.len() / 256;
        match what % 3 {
            0 if at < bytes.len() => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            _ => {}
        }
    }
    bytes
}

/// Takes `N` bytes off the front; zeros where there are none.
pub(crate) fn take<const N: usize>(data: &mut &[u8]) -> [u8; N] {
    let mut bytes = [0; N];
    let (front, rest) = data.split_at(N.min(data.len()));
    bytes[..front.len()].copy_from_slice(front);
    *data = rest;
    bytes
}
