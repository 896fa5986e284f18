//! Names of keys and channels. The braces make one hash tag of an event: all its keys are in one slot.

use domain::{EventId, TicketId};
use ports::Generation;

/// Bytes of a ticket id that name its field within a bucket.
pub(crate) const FIELD_BYTES: usize = 14;

/// The names that belong to one event.
pub(crate) struct Keys {
    prefix: String,
}

impl Keys {
    pub(crate) fn of(event: &EventId) -> Self {
        Self { prefix: format!("twinkle:{{{event}}}:") }
    }

    pub(crate) fn head(&self) -> String {
        format!("{}head", self.prefix)
    }

    pub(crate) fn build(&self) -> String {
        format!("{}build", self.prefix)
    }

    pub(crate) fn generations(&self) -> String {
        format!("{}generations", self.prefix)
    }

    pub(crate) fn live(&self) -> String {
        format!("{}live", self.prefix)
    }

    pub(crate) fn shared(&self, generation: Generation) -> String {
        format!("{}{generation}:shared", self.prefix)
    }

    pub(crate) fn buckets(&self, generation: Generation) -> BucketName {
        BucketName::after(format!("{}{generation}:t:", self.prefix))
    }
}

/// Names buckets one after the other without allocating.
pub(crate) struct BucketName {
    name: Vec<u8>,
    prefix: usize,
}

impl BucketName {
    fn after(prefix: String) -> Self {
        Self { prefix: prefix.len(), name: prefix.into_bytes() }
    }

    pub(crate) fn of(&mut self, bucket: u16) -> &[u8] {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        self.name.truncate(self.prefix);
        let digits = [12, 8, 4, 0].map(|shift| HEX[usize::from(bucket >> shift & 0xf)]);
        self.name.extend_from_slice(&digits);
        &self.name
    }
}

/// The bucket of a ticket: the last two bytes of its id, which are random.
pub(crate) fn bucket(ticket: &TicketId) -> u16 {
    u16::from_be_bytes([ticket.0[FIELD_BYTES], ticket.0[FIELD_BYTES + 1]])
}

/// The field of a ticket within its bucket: the rest of its id.
pub(crate) fn field(ticket: &TicketId) -> &[u8] {
    &ticket.0[..FIELD_BYTES]
}

#[cfg(test)]
mod tests {
    use domain::Epoch;

    use super::*;

    #[test]
    fn names_are_as_documented() {
        let keys = Keys::of(&"popup".parse().expect("an id"));
        let generation = Generation { epoch: Epoch(4097), counter: 2 };
        let ticket = TicketId([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0x0a, 0xfe]);
        assert_eq!(keys.head(), "twinkle:{popup}:head");
        assert_eq!(keys.shared(generation), "twinkle:{popup}:4097.2:shared");
        let mut buckets = keys.buckets(generation);
        assert_eq!(buckets.of(0xffff), b"twinkle:{popup}:4097.2:t:ffff");
        assert_eq!(buckets.of(bucket(&ticket)), b"twinkle:{popup}:4097.2:t:0afe");
        assert_eq!(field(&ticket), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
    }
}
