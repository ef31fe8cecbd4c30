//! Records as TensorFlow writes them one behind the other in a file (TFRecord).
//!
//! ```text
//! length, u64 │ masked CRC-32C of the length, u32 │ the bytes │ masked CRC-32C of the bytes, u32       little-endian
//! ```

/// The record that holds `bytes`.
pub fn framed(bytes: &[u8]) -> Vec<u8> {
    let length = (bytes.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(bytes.len() + 16);
    record.extend(length);
    record.extend(masked_crc(&length).to_le_bytes());
    record.extend(bytes);
    record.extend(masked_crc(bytes).to_le_bytes());
    record
}

/// A CRC-32C that is masked, so that one of bytes that hold one is still a check (TensorFlow's `crc32c.h`).
fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_has_the_bytes_that_tensorflow_writes() {
        // What `tf.io.TFRecordWriter` writes for b"123456789"; its CRC-32C is the published check value e3069283.
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
        let record = framed(b"123456789");
        assert_eq!(record.len(), 8 + 4 + 9 + 4);
        assert_eq!(record[..8], [9, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(record[12..21], *b"123456789");
        // (e3069283 >> 15 | e3069283 << 17) + a282ead8
        assert_eq!(record[21..], 0xc78a_b0e5_u32.to_le_bytes());
    }
}
