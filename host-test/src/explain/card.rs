//! What is known about a signal, whatever record set it off.

use super::page::Page;
use crate::cards::{self, Signal};

/// The signal's line, then each list under its title.
pub fn write(page: &mut Page, signal: &Signal) {
    page.line(6, signal.summary);
    for (title, texts) in [
        ("can also be", signal.false_positives),
        ("would not see", signal.blind_spots),
        ("from", signal.references),
    ] {
        page.line(6, format!("{title}:"));
        for text in texts {
            page.line(8, text);
        }
    }
    page.line(6, format!("looks at: {}", cards::needs(signal)));
    page.line(6, format!("techniques: {}", signal.techniques.join(", ")));
}
