//! What a file may make of itself: packets and bytes of packets, in proportion to its length.
//!
//! Containers can name the same bytes many times, unpack them, and put a frame into a byte. Whoever makes packets asks
//! here for each of them before it is kept, so that a small file stays small.

/// Packets that any file may have, and bytes for each further one: less than that no encoder needs for long, and an
/// index of them takes ten times as much.
const FREE_PACKETS: u64 = 1 << 16;
const BYTES_A_PACKET: u64 = 32;

/// Packets of a small film; an index of so many takes some 300 MB.
const SHORT_PACKETS: u64 = 1 << 20;

/// Bytes for each packet of a film that has more: ten hours at 30 frames a second and the least that is watched.
const BYTES_A_PACKET_OF_LONG: u64 = 1 << 10;

/// Packets of one film, however large its file is: a day at 48 frames a second.
pub(crate) const MOST_PACKETS: u64 = 1 << 22;

/// How many times its size a file may come to, beyond what any may: what video is packed with hardly shrinks it, and
/// few films show their packets twice.
const TIMES: u64 = 16;
const FREE_BYTES: u64 = 16 << 20;

/// What may still be taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Allowance {
    packets: u64,
    bytes: u64,
}

/// What a file makes too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TooMuch {
    /// Packets.
    #[error("the index of its packets")]
    Packets,
    /// Bytes of packets.
    #[error("what its packets come to")]
    Bytes,
}

impl Allowance {
    /// That of a file of so many bytes.
    pub(crate) fn of(file_bytes: u64) -> Self {
        Self {
            packets: (FREE_PACKETS + file_bytes / BYTES_A_PACKET)
                .min(SHORT_PACKETS)
                .max(file_bytes / BYTES_A_PACKET_OF_LONG)
                .min(MOST_PACKETS),
            bytes: FREE_BYTES.saturating_add(file_bytes.saturating_mul(TIMES)),
        }
    }

    /// Takes a packet of `length` bytes.
    pub(crate) fn take(&mut self, length: u64) -> Result<(), TooMuch> {
        self.packets = self.packets.checked_sub(1).ok_or(TooMuch::Packets)?;
        self.bytes = self.bytes.checked_sub(length).ok_or(TooMuch::Bytes)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_and_bytes_are_in_proportion_to_the_file_up_to_what_any_film_has() {
        let mut small = Allowance::of(0);
        for _ in 0..FREE_PACKETS {
            small.take(256).unwrap();
        }
        assert_eq!(small.take(0), Err(TooMuch::Packets));
        let mut larger = Allowance::of(1000);
        larger.take(FREE_BYTES + 16_000).unwrap();
        assert_eq!(larger.take(1), Err(TooMuch::Bytes));
        assert_eq!(Allowance::of(64 << 20).packets, SHORT_PACKETS);
        assert_eq!(Allowance::of(2 << 30).packets, 2 << 20);
        let huge = Allowance::of(u64::MAX);
        assert_eq!((huge.packets, huge.bytes), (MOST_PACKETS, u64::MAX));
    }
}
