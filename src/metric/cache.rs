//! Values of nodes that metrics ask for again and again, kept within bounds.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::graph::NodeId;

/// Most bytes that are kept.
const LIMIT: usize = 1 << 30;

/// Values of a node, (n, len).
type Values = Arc<Vec<f32>>;

/// Values of some nodes, those that were asked for last at the end.
#[derive(Default)]
pub(super) struct Cache {
    kept: Mutex<VecDeque<(NodeId, Values)>>,
}

impl Cache {
    /// The values of a node, computed by `of` if they are not there; those of `beside` in the same pass, where all of them
    /// together stay within bounds.
    pub fn get(
        &self,
        node: NodeId,
        beside: &[NodeId],
        bytes: impl Fn(NodeId) -> usize,
        of: impl FnOnce(&[NodeId]) -> Vec<Vec<f32>>,
    ) -> Values {
        if let Some(values) = self.known(node) {
            return values;
        }
        let together = beside.contains(&node) && beside.iter().map(|node| bytes(*node)).sum::<usize>() <= LIMIT;
        let asked = if together { beside } else { &[node] };
        // Without the lock: the pass runs on the pool, whose threads may come here themselves.
        let computed: Vec<(NodeId, Values)> = asked.iter().copied().zip(of(asked).into_iter().map(Arc::new)).collect();
        let found = computed.iter().find(|(id, _)| *id == node).expect("it was asked for").1.clone();
        let mut kept = self.lock();
        kept.retain(|(id, _)| !asked.contains(id));
        kept.extend(computed);
        while kept.len() > 1 && kept.iter().map(|(id, _)| bytes(*id)).sum::<usize>() > LIMIT {
            kept.pop_front();
        }
        found
    }

    fn known(&self, node: NodeId) -> Option<Values> {
        let mut kept = self.lock();
        let at = kept.iter().position(|(id, _)| *id == node)?;
        let found = kept.remove(at)?;
        kept.push_back(found.clone());
        Some(found.1)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(NodeId, Values)>> {
        self.kept.lock().expect("nothing panics while it holds the lock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn a_pass_is_made_once_for_all_that_fit_and_one_by_one_where_they_do_not() {
        let (passes, nodes) = (RefCell::new(Vec::new()), [NodeId(1), NodeId(2)]);
        let pass = |asked: &[NodeId]| {
            passes.borrow_mut().push(asked.len());
            asked.iter().map(|id| vec![id.0 as f32]).collect()
        };
        let cache = Cache::default();
        for _ in 0..2 {
            assert_eq!(*cache.get(NodeId(2), &nodes, |_| 4, pass), [2.0]);
            assert_eq!(*cache.get(NodeId(1), &nodes, |_| 4, pass), [1.0]);
        }
        assert_eq!(*cache.get(NodeId(7), &nodes, |_| 4, pass), [7.0]);
        assert_eq!(*passes.borrow(), [2, 1]);
        passes.borrow_mut().clear();
        let cache = Cache::default();
        for node in [2, 2, 1, 2] {
            assert_eq!(*cache.get(NodeId(node), &nodes, |_| LIMIT, pass), [node as f32]);
        }
        assert_eq!(*passes.borrow(), [1, 1, 1], "the second of two too large ones pushes the first out");
    }
}
