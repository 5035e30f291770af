//! Objects that a watch just brought and that wait for their turn, so that they need not be asked
//! for again; at most so many bytes of them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::object::{Name, SopsSecret};

/// What may wait here. Beyond that objects are asked for when their turn comes.
const ROOM: usize = 2 << 20;

#[derive(Default)]
pub(crate) struct Bodies(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    held: HashMap<Name, SopsSecret>,
    weight: usize,
}

impl Bodies {
    pub(crate) fn put(&self, object: SopsSecret) {
        let name = object.name();
        self.forget(&name);
        let weight = object.weight();
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.weight + weight <= ROOM {
            inner.weight += weight;
            inner.held.insert(name, object);
        }
    }

    pub(crate) fn take(&self, name: &Name) -> Option<SopsSecret> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let object = inner.held.remove(name)?;
        inner.weight -= object.weight();
        if inner.held.is_empty() {
            inner.held.shrink_to_fit();
        }
        Some(object)
    }

    pub(crate) fn forget(&self, name: &Name) {
        drop(self.take(name));
    }
}
