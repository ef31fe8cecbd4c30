//! Joins things that come one after the other as a balanced tree: neighbours first, then neighbouring pairs.
//!
//! ```text
//! 0 1 2 3 4 5 6 7      a sum of floats depends on its order. The shape of this tree follows from the number of
//! └┬┘ └┬┘ └┬┘ └┬┘      leaves alone, and every aligned group of 2, 4, 8 … of them is a tree of its own: processes
//!  └─┬─┘   └─┬─┘       that have such a group each, and join their sums by the same tree, have what one process
//!    └───┬───┘         has, to the bit.
//! ```

/// What has been joined so far: whole trees of falling size, with their heights.
pub(crate) struct PairTree<T>(Vec<(u32, T)>);

impl<T> PairTree<T> {
    /// Of no leaf.
    pub(crate) fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds the next leaf.
    pub(crate) fn push(&mut self, leaf: T, join: impl Fn(T, T) -> T) {
        let (mut height, mut node) = (0, leaf);
        while let Some((_, left)) = self.0.pop_if(|(other, _)| *other == height) {
            (height, node) = (height + 1, join(left, node));
        }
        self.0.push((height, node));
    }

    /// All leaves joined; none where there are none.
    pub(crate) fn root(self, join: impl Fn(T, T) -> T) -> Option<T> {
        self.0.into_iter().map(|(_, node)| node).rev().reduce(|right, left| join(left, right))
    }
}

/// The shares of two means in that of both, which counted so many things.
pub(crate) fn shares(left: u64, right: u64) -> [f64; 2] {
    [left, right].map(|part| part as f64 / (left + right) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(leaves: &[&str]) -> String {
        let join = |left: String, right: String| format!("({left}{right})");
        let mut tree = PairTree::new();
        leaves.iter().for_each(|leaf| tree.push((*leaf).to_owned(), join));
        tree.root(join).unwrap_or_default()
    }

    #[test]
    fn neighbours_are_joined_first() {
        assert_eq!(tree(&[]), "");
        assert_eq!(tree(&["a"]), "a");
        assert_eq!(tree(&["a", "b", "c", "d"]), "((ab)(cd))");
        assert_eq!(tree(&["a", "b", "c", "d", "e", "f", "g"]), "(((ab)(cd))((ef)g))");
    }

    #[test]
    fn trees_of_aligned_groups_of_a_power_of_two_join_to_that_of_all() {
        for (leaves, group) in [(8, 1), (8, 2), (8, 4), (12, 4), (12, 2), (6, 2), (20, 4)] {
            let all: Vec<String> = (0..leaves).map(|leaf| format!("{leaf} ")).collect();
            let all: Vec<&str> = all.iter().map(String::as_str).collect();
            let groups: Vec<String> = all.chunks(group).map(tree).collect();
            let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
            assert_eq!(tree(&groups), tree(&all), "{leaves} in groups of {group}");
        }
    }
}
