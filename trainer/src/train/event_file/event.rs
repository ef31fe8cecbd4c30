//! TensorBoard's message `Event`, in the encoding of protobuf.
//!
//! ```text
//! Event      1 wall_time, double   2 step, int64   3 file_version, string   5 summary   7 session_log
//! Summary    1 value, repeated:    1 tag, string   2 simple_value, float    4 image
//! Image      1 height   2 width    3 colorspace    4 encoded_image_string, bytes
//! SessionLog 1 status              1 is START
//! ```
//!
//! Four messages with a dozen fields, of which three kinds are written and none is read: that is less than a library
//! for protobuf and the files of TensorFlow's messages would be.

/// What happened.
pub enum What<'a> {
    /// The first event of every file.
    Version,
    /// The session began at the event's step: whoever knows of later steps forgets them.
    Start,
    /// Numbers under their tags.
    Scalars(&'a [(String, f32)]),
    /// A picture.
    Image {
        /// What it is of.
        tag: &'a str,
        /// Rows and columns.
        size: [u32; 2],
        /// A PNG file.
        png: &'a [u8],
    },
}

/// The message for what happened at `step`, at `time` in seconds since 1970.
pub fn event(time: f64, step: u64, what: &What<'_>) -> Vec<u8> {
    let mut event = Message::default();
    event.double(1, time);
    event.number(2, step);
    match what {
        What::Version => event.bytes(3, b"brain.Event:2"),
        What::Start => {
            let mut log = Message::default();
            log.number(1, 1);
            event.bytes(7, &log.0);
        }
        What::Scalars(values) => {
            let mut summary = Message::default();
            for (tag, value) in *values {
                let mut scalar = Message::default();
                scalar.bytes(1, tag.as_bytes());
                scalar.float(2, *value);
                summary.bytes(1, &scalar.0);
            }
            event.bytes(5, &summary.0);
        }
        What::Image { tag, size: [height, width], png } => {
            const RGB: u64 = 3;
            let mut image = Message::default();
            image.number(1, u64::from(*height));
            image.number(2, u64::from(*width));
            image.number(3, RGB);
            image.bytes(4, png);
            let (mut value, mut summary) = (Message::default(), Message::default());
            value.bytes(1, tag.as_bytes());
            value.bytes(4, &image.0);
            summary.bytes(1, &value.0);
            event.bytes(5, &summary.0);
        }
    }
    event.0
}

/// A message in the making: each field is its number and kind, then its value.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    /// Kind 0: seven bits a byte, the lowest first.
    fn number(&mut self, field: u8, value: u64) {
        self.0.push(field << 3);
        self.varint(value);
    }

    /// Kind 1: eight bytes.
    fn double(&mut self, field: u8, value: f64) {
        self.0.push(field << 3 | 1);
        self.0.extend(value.to_le_bytes());
    }

    /// Kind 2: a length and as many bytes; also text and messages.
    fn bytes(&mut self, field: u8, value: &[u8]) {
        self.0.push(field << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend(value);
    }

    /// Kind 5: four bytes.
    fn float(&mut self, field: u8, value: f32) {
        self.0.push(field << 3 | 5);
        self.0.extend(value.to_le_bytes());
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scalar_has_the_bytes_of_protobuf() {
        let found = event(1.0, 300, &What::Scalars(&[("loss".to_owned(), 0.5)]));
        let mut wanted = vec![0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0x10, 0xac, 0x02, 0x2a, 13, 0x0a, 11];
        wanted.extend([0x0a, 4, b'l', b'o', b's', b's', 0x15, 0, 0, 0, 0x3f]);
        assert_eq!(found, wanted);
    }
}
