//! Memory that is used again: buffers, and each thread's scratch images.

use std::sync::Mutex;

use crate::plan::{Serves, Use};

/// Buffers that nobody uses, to be taken again; their contents are old.
#[derive(Debug, Default)]
pub struct Buffers {
    free: Vec<Vec<f32>>,
}

impl Buffers {
    /// A buffer of this length; what it holds is to be overwritten.
    pub fn take(&mut self, length: usize) -> Vec<f32> {
        if length == 0 {
            return Vec::new();
        }
        let serves = Serves::choose(self.free.iter().map(Vec::capacity), length);
        if let Serves::Free(capacity) | Serves::Instead(capacity) = serves {
            let place = self.free.iter().rposition(|buffer| buffer.capacity() == capacity);
            let mut buffer = self.free.swap_remove(place.expect("it was chosen among them"));
            if serves == Serves::Free(capacity) {
                buffer.resize(length, 0.0);
                return buffer;
            }
        }
        vec![0.0; length]
    }

    /// Gives a buffer back.
    pub fn give(&mut self, buffer: Vec<f32>) {
        if buffer.capacity() > 0 {
            self.free.push(buffer);
        }
    }
}

/// Images of one thread, one for each use.
#[derive(Debug, Default)]
pub struct Scratch {
    slots: Vec<Slot>,
}

#[derive(Debug)]
struct Slot {
    of: Use,
    /// The step of a program for which it was last taken with a border.
    step: Option<usize>,
    image: Vec<f32>,
}

impl Scratch {
    /// Takes the image of a use out, to be overwritten. To be put back with [`Self::put`].
    pub fn take(&mut self, of: Use, length: usize) -> Vec<f32> {
        let slot = self.slot(of);
        slot.step = None;
        let mut image = std::mem::take(&mut slot.image);
        image.resize(length, 0.0);
        image
    }

    /// As [`Self::take`], for an image of which a step never writes the border: that is zero, for all is zeroed where the step
    /// before was another one.
    pub fn take_bordered(&mut self, of: Use, step: usize, length: usize) -> Vec<f32> {
        let slot = self.slot(of);
        let mut image = std::mem::take(&mut slot.image);
        if slot.step != Some(step) || image.len() != length {
            slot.step = Some(step);
            image.clear();
            image.resize(length, 0.0);
        }
        image
    }

    /// Puts the image of a use back.
    pub fn put(&mut self, of: Use, image: Vec<f32>) {
        self.slot(of).image = image;
    }

    fn slot(&mut self, of: Use) -> &mut Slot {
        let place = self.slots.iter().position(|slot| slot.of == of);
        let place = place.unwrap_or_else(|| {
            self.slots.push(Slot { of, step: None, image: Vec::new() });
            self.slots.len() - 1
        });
        &mut self.slots[place]
    }
}

/// Things that threads take, use and give back.
#[derive(Debug, Default)]
pub struct Pool<T> {
    free: Mutex<Vec<T>>,
}

/// A thing of a [`Pool`], given back when dropped.
pub struct Loan<'a, T: Default> {
    pool: &'a Pool<T>,
    thing: T,
}

impl<T: Default> Pool<T> {
    /// The last thing given back, or a new one.
    pub fn take(&self) -> Loan<'_, T> {
        let free = self.free.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop();
        Loan { pool: self, thing: free.unwrap_or_default() }
    }
}

impl<T: Default> std::ops::Deref for Loan<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.thing
    }
}

impl<T: Default> std::ops::DerefMut for Loan<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.thing
    }
}

impl<T: Default> Drop for Loan<'_, T> {
    fn drop(&mut self) {
        let thing = std::mem::take(&mut self.thing);
        self.pool.free.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(thing);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_for_values_that_need_most_of_it() {
        let mut buffers = Buffers::default();
        let [a, b] = [vec![1.0; 3], vec![2.0; 40]];
        let places = [a.as_ptr(), b.as_ptr()];
        [a, b].into_iter().for_each(|buffer| buffers.give(buffer));
        let first = buffers.take(39);
        assert_eq!((first.as_ptr(), first.len()), (places[1], 39));
        assert_eq!(buffers.take(13), [0.0; 13], "a new one: the one left is far too small");
        let second = buffers.take(2);
        assert_eq!((second.as_ptr(), second.len()), (places[0], 2));
        buffers.give(first);
        assert_eq!(buffers.take(41).len(), 41);
        assert!(buffers.free.is_empty(), "the one that was a little too small is gone");
    }

    #[test]
    fn a_scratch_image_keeps_its_border_until_step_or_length_change() {
        let mut scratch = Scratch::default();
        let mut image = scratch.take_bordered(Use::Padded(1), 7, 3);
        image[1] = 5.0;
        scratch.put(Use::Padded(1), image);
        assert_eq!(scratch.take_bordered(Use::Padded(0), 7, 3), [0.0; 3], "another use");
        let image = scratch.take_bordered(Use::Padded(1), 7, 3);
        assert_eq!(image, [0.0, 5.0, 0.0]);
        scratch.put(Use::Padded(1), image);
        let mut image = scratch.take_bordered(Use::Padded(1), 8, 3);
        assert_eq!(image, [0.0; 3], "another step");
        image[0] = 2.0;
        scratch.put(Use::Padded(1), image);
        let mut image = scratch.take_bordered(Use::Padded(1), 8, 4);
        assert_eq!(image, [0.0; 4], "another length");
        image[0] = 2.0;
        scratch.put(Use::Padded(1), image);
        let image = scratch.take(Use::Padded(1), 4);
        scratch.put(Use::Padded(1), image);
        assert_eq!(scratch.take_bordered(Use::Padded(1), 8, 4), [0.0; 4], "overwritten in between");
    }

    #[test]
    fn a_loan_is_given_back_by_a_thread_that_panics() {
        let pool: Pool<Vec<u32>> = Pool::default();
        let panicked = std::thread::scope(|scope| {
            let work = scope.spawn(|| {
                pool.take().push(1);
                let mut loan = pool.take();
                loan.push(2);
                panic!("as a test");
            });
            work.join().is_err()
        });
        assert!(panicked);
        assert_eq!(*pool.take(), [1, 2], "both times the same thing");
    }
}
