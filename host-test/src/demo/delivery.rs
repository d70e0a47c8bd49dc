//! Which record arrives when. Records are planned for a stretch of time, sorted, and handed on, stretch by stretch.
//!
//! A stretch holds about half a million records however large the tenant is. People whose day reaches into several
//! stretches are planned for each of them again: their day follows from the seed, and planning is cheap beside
//! writing.

use super::attacks::Attacks;
use super::calendar::{DAY, HOUR, MINUTE, SECOND};
use super::day;
use super::people::Person;
use super::random::{Purpose, mix, scaled};
use super::record::Event;
use super::tenant::Tenant;
use super::workloads;

/// A record on its way.
pub(super) struct Arrival {
    pub at: i64,
    /// How much later than it happened.
    pub late: i64,
    /// The second time.
    pub twice: bool,
    pub event: Event,
}

/// How records travel.
pub(super) struct Delivery<'a> {
    pub tenant: &'a Tenant,
    pub attacks: &'a Attacks,
    /// At most that much late, in milliseconds.
    pub late: i64,
    pub twice_permille: u64,
}

/// A second delivery comes at most this much after the first.
const AGAIN_MAX: i64 = 10 * MINUTE;
/// About as many records as an account makes in a day.
const RECORDS_A_DAY: i64 = 50;
const RECORDS_AT_ONCE: i64 = 500_000;

/// What an account does on a day of its calendar lies within these bounds of its midnight. A traveller's working
/// hours can begin before it, and an evening's flow can end after the next.
pub(super) const BEFORE_MIDNIGHT: i64 = 8 * HOUR;
pub(super) const AFTER_MIDNIGHT: i64 = DAY + 18 * HOUR;

impl Delivery<'_> {
    /// Hands on every record in the order of arrival.
    pub fn each<E>(&self, mut take: impl FnMut(&Arrival) -> Result<(), E>) -> Result<(), E> {
        let tenant = self.tenant;
        let a_day = i64::from(tenant.people) * RECORDS_A_DAY;
        let stretch = (DAY * RECORDS_AT_ONCE / a_day).clamp(5 * MINUTE, 30 * DAY);
        let until = tenant.end + self.late + AGAIN_MAX + SECOND;
        let mut from = tenant.begin;
        let mut arrivals = Vec::new();
        while from < until {
            let to = (from + stretch).min(until);
            arrivals.clear();
            self.plan(from, to, &mut arrivals);
            arrivals.sort_by_key(|one| {
                let event = &one.event;
                (one.at, event.at, event.ticks(), event.id, event.code)
            });
            for arrival in &arrivals {
                take(arrival)?;
            }
            from = to;
        }
        Ok(())
    }

    /// Everything that arrives between `from` and `to`.
    fn plan(&self, from: i64, to: i64, arrivals: &mut Vec<Arrival>) {
        let tenant = self.tenant;
        let happened = from - self.late - AGAIN_MAX - SECOND;
        let mut events = Vec::new();
        let mut deliver = |events: &mut Vec<Event>| {
            for event in events.drain(..) {
                self.deliver(&event, from, to, arrivals);
            }
        };
        for number in 0..tenant.people + tenant.fixtures() {
            let person = Person::new(tenant, number);
            let first = (happened - AFTER_MIDNIGHT + person.offset()).div_euclid(DAY);
            let last = (to + BEFORE_MIDNIGHT + person.offset()).div_euclid(DAY);
            for day in first..=last {
                day::plan(tenant, &person, day, &mut events);
            }
            deliver(&mut events);
        }
        for day in happened.div_euclid(DAY) - 1..=to.div_euclid(DAY) {
            for number in 0..tenant.workloads() {
                workloads::plan_service(tenant, number, day, &mut events);
            }
            for number in 0..tenant.managed_identities() {
                workloads::plan_managed(tenant, number, day, &mut events);
            }
            deliver(&mut events);
        }
        let first = self
            .attacks
            .events
            .partition_point(|event| event.at < happened);
        events.extend(
            self.attacks.events[first..]
                .iter()
                .take_while(|event| event.at < to),
        );
        deliver(&mut events);
    }

    fn deliver(&self, event: &Event, from: i64, to: i64, arrivals: &mut Vec<Arrival>) {
        // A record and its update share their id, not their way.
        let of = [event.id, u64::from(event.code)];
        let way = mix(self.tenant.seed, Purpose::Delivery, &of);
        let late = scaled(way, self.late.cast_unsigned() + 1).cast_signed();
        // Delivered twice, a record is the same to the byte.
        let mut arrive = |after: i64, twice: bool| {
            let at = event.at + late + after;
            if (from..to).contains(&at) {
                arrivals.push(Arrival {
                    at,
                    late,
                    twice,
                    event: *event,
                });
            }
        };
        arrive(0, false);
        let again = mix(way, Purpose::Delivery, &[2]);
        if again % 1000 < self.twice_permille {
            let after = scaled(again, AGAIN_MAX.cast_unsigned()).cast_signed();
            arrive(SECOND + after, true);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::demo::record::FlowName;
    use crate::demo::truth::status;

    fn all(people: u32, days: i64) -> Vec<Event> {
        let tenant = Tenant::new(3, people, 20_514, days);
        let attacks = Attacks::plan(&tenant, &[0, 1, 16], 1);
        let delivery = Delivery {
            tenant: &tenant,
            attacks: &attacks,
            late: 0,
            twice_permille: 0,
        };
        let mut events = Vec::new();
        let _ = delivery.each(|arrival| {
            events.push(arrival.event);
            Ok::<(), ()>(())
        });
        events
    }

    #[test]
    fn days_keep_their_bounds() {
        let tenant = Tenant::new(5, 3000, 20_514, 8);
        let mut events = Vec::new();
        for number in 0..tenant.people + tenant.fixtures() {
            let person = Person::new(&tenant, number);
            for day in 20_514..20_521 {
                events.clear();
                day::plan(&tenant, &person, day, &mut events);
                let midnight = person.midnight(day);
                for event in &events {
                    let within = midnight - BEFORE_MIDNIGHT..midnight + AFTER_MIDNIGHT;
                    assert!(within.contains(&event.at), "{person:?} {event:?}");
                }
            }
        }
    }

    #[test]
    fn stretches_cut_nothing_off() {
        let tenant = Tenant::new(3, 60, 20_514, 2);
        let attacks = Attacks::plan(&tenant, &[0, 1, 16], 1);
        let delivery = Delivery {
            tenant: &tenant,
            attacks: &attacks,
            late: 3600 * SECOND,
            twice_permille: 100,
        };
        let mut whole = Vec::new();
        let until = tenant.end + 2 * HOUR;
        delivery.plan(tenant.begin, until, &mut whole);
        let mut cut = Vec::new();
        let mut from = tenant.begin;
        while from < until {
            delivery.plan(from, from + HOUR, &mut cut);
            from += HOUR;
        }
        let key = |one: &Arrival| (one.at, one.event.id, one.event.code, one.twice);
        whole.sort_by_key(key);
        cut.sort_by_key(key);
        assert_eq!(whole.len(), cut.len());
        assert!(
            whole
                .iter()
                .zip(&cut)
                .all(|(one, other)| key(one) == key(other))
        );
        assert!(whole.iter().any(|one| one.twice));
    }

    #[test]
    fn every_benign_flow_occurs() {
        let events = all(4000, 5);
        let seen: BTreeSet<FlowName> = events.iter().map(|event| event.flow).collect();
        for flow in FlowName::ALL {
            assert!(seen.contains(flow), "{flow:?}");
        }
    }

    #[test]
    fn ids_are_shared_only_by_updates() {
        let events = all(300, 2);
        let mut seen = BTreeSet::new();
        for event in &events {
            assert!(seen.insert((event.id, event.code, event.at)), "{event:?}");
            assert_ne!(event.id, 0);
        }
    }

    #[test]
    fn nobody_flies_faster_than_a_plane() {
        // Interactive records of people who use neither VPN nor company exit, and are not attacked.
        let tenant = Tenant::new(3, 1500, 20_514, 6);
        for number in 0..tenant.people {
            let person = Person::new(&tenant, number);
            if person.company_exit || person.private_vpn {
                continue;
            }
            let mut events = Vec::new();
            for day in 20_513..20_521 {
                day::plan(&tenant, &person, day, &mut events);
            }
            events.retain(|event| status(event.code) == "success");
            events.sort_by_key(|event| event.at);
            for pair in events.windows(2) {
                let far = super::super::places::kilometres(pair[0].place.city, pair[1].place.city);
                let hours = (pair[1].at - pair[0].at) / HOUR;
                assert!(far < 600 || far < 1000 * hours.max(1), "{far} km: {pair:?}");
            }
        }
    }
}
