//! Ticket ids.

use sha2::{Digest, Sha256};
use twinkle_wire::{Browser, ticket};

#[test]
fn it_is_a_uuid8_of_salt_browser_and_attempt() {
    let (salt, browser) = ([0x5a; 16], Browser([0xab; 16]));
    let id = ticket::ticket_id(&salt, &browser, 258);
    let mut message = [0x5a; 16].to_vec();
    message.extend([0xab; 16]);
    message.extend([1, 2]);
    let mut hash: [u8; 16] = Sha256::digest(message)[..16].try_into().unwrap();
    hash[6] = hash[6] & 0x0f | 0x80;
    hash[8] = hash[8] & 0x3f | 0x80;
    assert_eq!(id.0, hash);
    assert_eq!(ticket::text(id).as_bytes()[14], b'8');
}

/// `printf %s 00000000-0000-0000-0000-000000000000 | sha256sum | cut -c1-16`
#[test]
fn a_log_names_it_so_that_a_shell_can_find_it() {
    assert_eq!(ticket::hashed(domain::TicketId([0; 16])), "12b9377cbe7e5c94");
}

#[test]
fn each_of_the_three_changes_it() {
    let of =
        |salt, browser, attempt| ticket::ticket_id(&[salt; 16], &Browser([browser; 16]), attempt);
    let ids = [of(1, 1, 0), of(2, 1, 0), of(1, 2, 0), of(1, 1, 1), of(1, 1, 256)];
    for (i, id) in ids.iter().enumerate() {
        assert!(!ids[..i].contains(id), "{i}");
    }
}
