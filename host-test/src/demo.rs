//! `demo`: the sign-in traffic of an invented tenant, attacks among it, and the truth about every record.
//!
//! Tenant → people and workloads → a day of each → flows → records, and beside them the attacks; then sorted by
//! arrival and written. Everything follows from the seed, so the same options give the same bytes. The
//! traffic knows nothing of the transform: what is detected in it is measured, not arranged.
//!
//! ```text
//! demo/random.rs     chance that repeats, for each purpose its own
//! demo/calendar.rs   days, weekdays, how an instant is written
//! demo/places.rs     cities, networks and addresses
//! demo/clients.rs    user agents and devices
//! demo/tenant.rs     applications, policies, and what befalls everybody
//! demo/people.rs     who works here, and their habits
//! demo/record.rs     one record, and flows of them
//! demo/flows.rs      what people do at a sign-in page
//! demo/day.rs        where somebody is during a day, and which flows that makes
//! demo/workloads.rs  service principals, managed identities, scanners
//! demo/attacks.rs    the families, and what a run is made with
//! demo/delivery.rs   which record arrives when, late and twice too
//! demo/wire.rs       a record as Azure Monitor writes it
//! demo/truth.rs      what is true about it
//! ```

mod attacks;
mod calendar;
mod clients;
mod day;
mod delivery;
mod flows;
mod people;
mod places;
mod random;
mod record;
mod tenant;
mod truth;
mod wire;
mod workloads;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;

use self::attacks::{Attacks, FAMILIES};
use self::delivery::{Arrival, Delivery};
use self::tenant::Tenant;
use crate::output::{Output, Stop};
use crate::{Ending, say, terminal};

/// Writes the sign-in traffic of an invented tenant.
#[derive(Debug, Args)]
pub struct Demo {
    /// People who work there
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=5_000_000))]
    pub users: u32,
    /// Days, from midnight to midnight in UTC
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=366))]
    pub days: u16,
    /// What all chance follows from
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// The first day
    #[arg(long, value_name = "DATE", default_value = "2026-03-02", value_parser = calendar::parse)]
    pub start: i64,
    /// Attack families, separated by commas, or all or none; --list names them
    #[arg(long, value_name = "FAMILIES", default_value = "all", value_delimiter = ',', value_parser = choose)]
    pub attacks: Vec<Choice>,
    /// How often each family happens
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub runs: u16,
    /// Write the records there instead of to standard output (-)
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub out: PathBuf,
    /// Write the truth there, a line for each record
    #[arg(long, value_name = "FILE")]
    pub truth: Option<PathBuf>,
    /// Records arrive up to that much later than they happened, and stand in the order of arrival
    #[arg(long, value_name = "SECS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=86_400))]
    pub late: u32,
    /// How many in a thousand records are delivered twice
    #[arg(long, value_name = "PERMILLE", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=1000))]
    pub twice: u16,
    /// Names each attack family and ends
    #[arg(long)]
    pub list: bool,
}

/// One value of `--attacks`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Every family.
    All,
    /// No family.
    None,
    /// The family at this place of the list.
    One(usize),
}

fn choose(text: &str) -> Result<Choice, String> {
    let text = text.trim();
    match (text, attacks::family(text)) {
        ("all", _) => Ok(Choice::All),
        ("none", _) => Ok(Choice::None),
        (_, Some(place)) => Ok(Choice::One(place)),
        _ => {
            let ids: Vec<&str> = FAMILIES.iter().map(|family| family.id).collect();
            Err(format!("allowed are all, none, {}", ids.join(", ")))
        }
    }
}

impl Demo {
    /// Does it.
    pub fn run(&self) -> Result<Ending> {
        if self.list {
            return list();
        }
        let stdout = Path::new("-");
        if self.truth.as_deref() == Some(&self.out) {
            say("--truth: must not be where the records go, see --out");
            return Ok(Ending::WrongUsage);
        }
        let mut sinks = Vec::new();
        for path in [Some(&self.out), self.truth.as_ref()].into_iter().flatten() {
            let output = if path == stdout {
                Output::stdout()
            } else {
                match Output::create(path) {
                    Ok(output) => output,
                    Err(ending) => return Ok(ending),
                }
            };
            sinks.push(Sink {
                text: String::new(),
                to: output.that_may_be_left(),
            });
        }
        match self.write(&mut sinks) {
            Ok(counts) => {
                say(&format!(
                    "{} records, {} of them of attacks in {} runs",
                    counts.lines, counts.of_attacks, counts.runs
                ));
                Ok(Ending::Done)
            }
            Err(stop) => Ok(stop.say()),
        }
    }

    /// Writes the records to the first sink and, if there is a second, the truth to it.
    fn write(&self, sinks: &mut [Sink]) -> Result<Counts, Stop> {
        let days = i64::from(self.days);
        let tenant = Tenant::new(self.seed, self.users, self.start, days);
        let families = self.families();
        let attacks = Attacks::plan(&tenant, &families, self.runs);
        let delivery = Delivery {
            tenant: &tenant,
            attacks: &attacks,
            late: i64::from(self.late) * calendar::SECOND,
            twice_permille: u64::from(self.twice),
        };
        let mut counts = Counts {
            lines: 0,
            of_attacks: 0,
            runs: families.len() * usize::from(self.runs),
        };
        let mut text = String::new();
        delivery.each(|arrival: &Arrival| {
            counts.lines += 1;
            counts.of_attacks += u64::from(arrival.event.attack.is_some());
            let named = wire::name(&tenant, &attacks, &arrival.event);
            text.clear();
            wire::write(&mut text, &tenant, &arrival.event, &named, arrival.late);
            sinks[0].write(&text)?;
            if let Some(truth) = sinks.get_mut(1) {
                let id = wire::request_id(arrival.event.id);
                let (event, user) = (&arrival.event, &named.principal);
                text.clear();
                truth::write(&mut text, counts.lines, event, &id, user, arrival.twice);
                truth.write(&text)?;
            }
            Ok(())
        })?;
        for sink in sinks {
            sink.flush()?;
        }
        Ok(counts)
    }

    /// The chosen families, each once, in the order of the list.
    fn families(&self) -> Vec<usize> {
        (0..FAMILIES.len())
            .filter(|place| {
                let one = Choice::One(*place);
                self.attacks.contains(&Choice::All) || self.attacks.contains(&one)
            })
            .collect()
    }
}

/// What is said in the end.
struct Counts {
    lines: u64,
    of_attacks: u64,
    runs: usize,
}

fn list() -> Result<Ending> {
    let widest = FAMILIES.iter().map(|family| family.id.len()).max();
    let mut text = String::new();
    for family in FAMILIES {
        let (id, summary) = (family.id, family.summary);
        let width = widest.unwrap_or(0);
        let _ = writeln!(text, "{id:width$}  {summary}.");
    }
    terminal::print(&text)?;
    Ok(Ending::Done)
}

/// Gathers lines, because an output hands on at once what it is given.
struct Sink {
    text: String,
    to: Output,
}

impl Sink {
    fn write(&mut self, text: &str) -> Result<(), Stop> {
        const TEXT_BYTES: usize = 1 << 18;
        self.text.push_str(text);
        if self.text.len() < TEXT_BYTES {
            return Ok(());
        }
        self.flush()
    }

    fn flush(&mut self) -> Result<(), Stop> {
        let written = self.to.write(self.text.as_bytes());
        self.text.clear();
        written
    }
}
