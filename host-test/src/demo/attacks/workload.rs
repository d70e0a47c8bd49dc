//! A program's secret in the wrong hands.

use super::Scene;
use crate::demo::calendar::{MINUTE, SECOND};
use crate::demo::clients;
use crate::demo::places::{ATTACKER_CITIES, BLOCKED_COUNTRIES, hosting};
use crate::demo::record::{Event, FlowName, Proof};
use crate::demo::tenant;
use crate::demo::workloads::{Duty, duty, sign_in};

/// A service principal that always came from the same networks comes from another, in another country.
pub(super) fn stolen_secret(scene: &mut Scene<'_>) {
    let count = u64::from(scene.tenant.workloads());
    let mut number = 0;
    for _ in 0..100 {
        number = u16::try_from(scene.dice.below(count)).unwrap_or(0);
        // Those with a secret that works, which is what leaks.
        if matches!(duty(number), Duty::Batch | Duty::Monitor) {
            break;
        }
    }
    let mut city = *scene.dice.pick(&ATTACKER_CITIES[3..]);
    if BLOCKED_COUNTRIES.contains(&city) {
        city = ATTACKER_CITIES[3];
    }
    let (bits, provider) = (scene.dice.bits(), scene.dice.below(64));
    let place = hosting(bits, provider, city, false);
    let client = *scene
        .dice
        .pick(&[clients::DAEMON_CLI, clients::SDK, clients::PYTHON]);
    let mark = Some(scene.mark);
    let event = Event {
        flow: FlowName::Attack,
        attack: mark,
        ..sign_in(number, scene.start, (place, client, tenant::GRAPH))
    };
    let wrong = if scene.dice.chance(300) {
        scene.dice.count(1, 3)
    } else {
        0
    };
    let uses = scene.dice.count(3, 14);
    scene.flow(event, |flow, dice| {
        for _ in 0..wrong {
            flow.step(
                dice.skewed(2 * SECOND, 40 * SECOND),
                7_000_215,
                Proof::Nothing,
            );
        }
        for turn in 0..uses {
            flow.new_correlation();
            flow.template.resource =
                *dice.pick(&[tenant::GRAPH, tenant::MANAGEMENT, tenant::KEY_VAULT]);
            let event = flow.step(dice.skewed(5 * SECOND, 18 * MINUTE), 0, Proof::Nothing);
            if turn == 0
                && let Some(mark) = &mut event.attack
            {
                mark.climax = true;
            }
        }
    });
}
