//! The component's memory in two heaps: what is large and soon given back, and what is small and stays.
//!
//! A batch and what is made of it are megabytes that live for one call; between two calls a little more is remembered.
//! In one heap the little settles where the batch was, the next batch no longer fits there, and linear memory, which
//! never shrinks, grows to several times what is in use (measured: 402 MB for 150 MB). Apart, each finds its own
//! place again. The only unsafe code of the crate.
#![allow(unsafe_code, reason = "a global allocator is unsafe by its trait")]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;

use dlmalloc::Dlmalloc;

/// Allocations from here on, in bytes, go to the heap of the large. Nothing that is remembered of one user is larger.
const LARGE: usize = 16 << 10;

struct Heaps {
    small: UnsafeCell<Dlmalloc>,
    large: UnsafeCell<Dlmalloc>,
}

// SAFETY: the component has no threads: `wasm32-unknown-unknown` without atomics, one call at a time.
unsafe impl Sync for Heaps {}

impl Heaps {
    /// The heap that an allocation of `size` bytes belongs to; the same for as long as it keeps its size.
    fn of(&self, size: usize) -> *mut Dlmalloc {
        if size >= LARGE {
            self.large.get()
        } else {
            self.small.get()
        }
    }
}

// SAFETY: every call is handed on to the heap that the layout's size belongs to, so memory goes back to the heap that
// gave it; no reference to a heap outlives its call.
unsafe impl GlobalAlloc for Heaps {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        unsafe { (*self.of(layout.size())).malloc(layout.size(), layout.align()) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        unsafe { (*self.of(layout.size())).free(place, layout.size(), layout.align()) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let (from, to) = (self.of(layout.size()), self.of(size));
        if from == to {
            return unsafe { (*from).realloc(place, layout.size(), layout.align(), size) };
        }
        unsafe {
            let moved = (*to).malloc(size, layout.align());
            if !moved.is_null() {
                std::ptr::copy_nonoverlapping(place, moved, layout.size().min(size));
                (*from).free(place, layout.size(), layout.align());
            }
            moved
        }
    }
}

#[global_allocator]
static HEAPS: Heaps = Heaps {
    small: UnsafeCell::new(Dlmalloc::new()),
    large: UnsafeCell::new(Dlmalloc::new()),
};
