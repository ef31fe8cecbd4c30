//! Writes the pickle of a table of tensors, as `torch.save` does.
//!
//! Protocol 2, the one that every torch reads, with the few opcodes that the task takes and without memo:
//!
//! ```text
//! { "model": OrderedDict()  ← (name, _rebuild_tensor_v2(storage, 0, shape, stride, False, OrderedDict())) …
//!   key: text … }
//! storage = persistent id ("storage", torch.FloatStorage, number, "cpu", elements)
//! ```
//!
//! The globals named are those that `torch.load(weights_only=True)` allows.

use crate::weights::{Entry, Layout};

// Opcodes (CPython, Lib/pickletools.py).
const PROTOCOL_2: [u8; 2] = [0x80, 2];
const STOP: u8 = b'.';
const MARK: u8 = b'(';
const EMPTY_DICT: u8 = b'}';
const SET_ITEMS: u8 = b'u';
const EMPTY_TUPLE: u8 = b')';
const TUPLE: u8 = b't';
const REDUCE: u8 = b'R';
const PERSISTENT_ID: u8 = b'Q';
const FALSE: u8 = 0x89;
const GLOBAL: u8 = b'c';
const TEXT: u8 = b'X';
const INT_32: u8 = b'J';
const LONG: u8 = 0x8a;

const ORDERED_DICT: &str = "collections\nOrderedDict\n";
const REBUILD: &str = "torch._utils\n_rebuild_tensor_v2\n";
const FLOATS: &str = "torch\nFloatStorage\n";

/// The pickle of a table under `model`, whose tensor number `n` is all of storage `n`, and of texts.
pub(super) fn of(layout: &Layout, texts: &[(&str, &str)]) -> Vec<u8> {
    let mut pickle = Pickle(PROTOCOL_2.to_vec());
    pickle.ops(&[EMPTY_DICT, MARK]);
    pickle.text("model");
    pickle.ordered_dict();
    pickle.ops(&[MARK]);
    for (number, entry) in layout.0.iter().enumerate() {
        pickle.text(&entry.name);
        pickle.tensor(number, entry);
    }
    pickle.ops(&[SET_ITEMS]);
    for (key, text) in texts {
        pickle.text(key);
        pickle.text(text);
    }
    pickle.ops(&[SET_ITEMS, STOP]);
    pickle.0
}

struct Pickle(Vec<u8>);

impl Pickle {
    fn ops(&mut self, ops: &[u8]) {
        self.0.extend(ops);
    }

    fn global(&mut self, name: &str) {
        self.ops(&[GLOBAL]);
        self.0.extend(name.bytes());
    }

    fn text(&mut self, text: &str) {
        let length = u32::try_from(text.len()).expect("because names and recipes are short");
        self.ops(&[TEXT]);
        self.0.extend(length.to_le_bytes());
        self.0.extend(text.bytes());
    }

    fn number(&mut self, number: usize) {
        match i32::try_from(number) {
            Ok(small) => {
                self.ops(&[INT_32]);
                self.0.extend(small.to_le_bytes());
            }
            Err(_) => {
                // Two's complement: a ninth byte of 0 keeps the number positive.
                self.ops(&[LONG, 9]);
                self.0.extend((number as u64).to_le_bytes());
                self.0.push(0);
            }
        }
    }

    fn numbers(&mut self, numbers: impl IntoIterator<Item = usize>) {
        self.ops(&[MARK]);
        numbers.into_iter().for_each(|number| self.number(number));
        self.ops(&[TUPLE]);
    }

    fn ordered_dict(&mut self) {
        self.global(ORDERED_DICT);
        self.ops(&[EMPTY_TUPLE, REDUCE]);
    }

    fn tensor(&mut self, storage: usize, entry: &Entry) {
        self.global(REBUILD);
        self.ops(&[MARK, MARK]);
        self.text("storage");
        self.global(FLOATS);
        self.text(&storage.to_string());
        self.text("cpu");
        self.number(entry.elements());
        self.ops(&[TUPLE, PERSISTENT_ID]);
        self.number(0);
        self.numbers(entry.shape.iter().copied());
        self.numbers(strides(&entry.shape));
        self.ops(&[FALSE]);
        self.ordered_dict();
        self.ops(&[TUPLE, REDUCE]);
    }
}

/// Elements from one index to the next, for each dimension of a tensor in row-major order.
fn strides(shape: &[usize]) -> Vec<usize> {
    (1..=shape.len()).map(|place| shape[place..].iter().product()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strides_are_those_of_row_major_order() {
        assert_eq!(strides(&[16, 3, 2, 4, 4]), [96, 32, 16, 4, 1]);
        assert_eq!(strides(&[5]), [1]);
        assert!(strides(&[]).is_empty());
    }

    #[test]
    fn a_number_beyond_32_bits_is_a_long() {
        let mut pickle = Pickle(Vec::new());
        pickle.number(1 << 31);
        assert_eq!(pickle.0, [LONG, 9, 0, 0, 0, 0x80, 0, 0, 0, 0, 0]);
    }
}
