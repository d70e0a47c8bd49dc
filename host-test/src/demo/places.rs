//! Cities, and the networks that people, workloads and attackers sign in from.
//!
//! Only addresses that belong to nobody are written. The three documentation ranges are too few for a tenant, so
//! homes and carriers stand in 100.64.0.0/10 (shared address space), clouds and hosting in 198.18.0.0/15
//! (benchmarks), and IPv6 in `2001:db8::/32`. What a range is used for is no sign of good or bad: hotels, cloud
//! runners, private VPNs and attackers share theirs.

use super::random::{Purpose, mix, scaled};

/// A city as Entra's geolocation names it.
pub(super) struct City {
    pub name: &'static str,
    pub state: &'static str,
    pub country: &'static str,
    pub latitude: f64,
    pub longitude: f64,
    /// Hours that its clocks are ahead of UTC.
    pub offset_hours: i64,
}

const fn city(
    name: &'static str,
    state: &'static str,
    country: &'static str,
    latitude: f64,
    longitude: f64,
    offset_hours: i64,
) -> City {
    City {
        name,
        state,
        country,
        latitude,
        longitude,
        offset_hours,
    }
}

/// An index into [`CITIES`].
pub(super) type CityIndex = u8;

pub(super) const CITIES: [City; 48] = [
    city("Zürich", "Zürich", "CH", 47.37854, 8.54026, 1),
    city("Winterthur", "Zürich", "CH", 47.50564, 8.72413, 1),
    city("Zug", "Zug", "CH", 47.17242, 8.51745, 1),
    city("Bern", "Bern", "CH", 46.94809, 7.44744, 1),
    city("London", "London", "GB", 51.50853, -0.12574, 0),
    city("Croydon", "London", "GB", 51.38333, -0.1, 0),
    city("Reading", "Reading", "GB", 51.45625, -0.97113, 0),
    city("Brighton", "Brighton and Hove", "GB", 50.82838, -0.13947, 0),
    city("New York", "New York", "US", 40.71427, -74.00597, -5),
    city("Jersey City", "New Jersey", "US", 40.72816, -74.07764, -5),
    city("Stamford", "Connecticut", "US", 41.05343, -73.53873, -5),
    city("Yonkers", "New York", "US", 40.93121, -73.89875, -5),
    city(
        "Singapore",
        "Central Singapore",
        "SG",
        1.28967,
        103.85007,
        8,
    ),
    city("Jurong East", "South West", "SG", 1.33333, 103.74, 8),
    city("Woodlands", "North West", "SG", 1.43801, 103.78877, 8),
    city("Tampines", "North East", "SG", 1.35496, 103.94399, 8),
    city("Madrid", "Madrid", "ES", 40.4165, -3.70256, 1),
    city("Alcalá de Henares", "Madrid", "ES", 40.48205, -3.35996, 1),
    city("Getafe", "Madrid", "ES", 40.30571, -3.73295, 1),
    city("Toledo", "Castilla-La Mancha", "ES", 39.8581, -4.02263, 1),
    city("Warsaw", "Mazowieckie", "PL", 52.22977, 21.01178, 1),
    city("Pruszkow", "Mazowieckie", "PL", 52.17072, 20.81188, 1),
    city("Łódź", "Łódzkie", "PL", 51.77058, 19.47395, 1),
    city("Radom", "Mazowieckie", "PL", 51.40253, 21.14714, 1),
    // Where company exits, clouds and carrier hubs stand.
    city("Frankfurt am Main", "Hessen", "DE", 50.11552, 8.68417, 1),
    city("Amsterdam", "Noord-Holland", "NL", 52.37403, 4.88969, 1),
    city("Dublin", "Dublin", "IE", 53.33306, -6.24889, 0),
    city("Ashburn", "Virginia", "US", 39.04372, -77.48749, -5),
    city(
        "Hong Kong",
        "Central and Western",
        "HK",
        22.27832,
        114.17469,
        8,
    ),
    // Where people travel.
    city("Lisbon", "Lisboa", "PT", 38.71667, -9.13333, 0),
    city("Paris", "Île-de-France", "FR", 48.85341, 2.3488, 1),
    city("Milan", "Lombardia", "IT", 45.46427, 9.18951, 1),
    city("Vienna", "Wien", "AT", 48.20849, 16.37208, 1),
    city("Dubai", "Dubai", "AE", 25.07725, 55.30927, 4),
    city("Tokyo", "Tokyo", "JP", 35.6895, 139.69171, 9),
    city("Chicago", "Illinois", "US", 41.85003, -87.65005, -6),
    city("Toronto", "Ontario", "CA", 43.70011, -79.4163, -5),
    city("Sydney", "New South Wales", "AU", -33.86785, 151.20732, 11),
    // Where attackers rent, though others live and travel there too.
    city("Lagos", "Lagos", "NG", 6.45407, 3.39467, 1),
    city("Moscow", "Moskva", "RU", 55.75222, 37.61556, 3),
    city("São Paulo", "São Paulo", "BR", -23.5475, -46.63611, -3),
    city("Hanoi", "Hà Nội", "VN", 21.0245, 105.84117, 7),
    city("Bucharest", "București", "RO", 44.43225, 26.10626, 2),
    city("Istanbul", "Istanbul", "TR", 41.01384, 28.94966, 3),
    city("Los Angeles", "California", "US", 34.05223, -118.24368, -8),
    city("Mumbai", "Maharashtra", "IN", 19.07283, 72.88261, 5),
    city("Kyiv", "Kyiv City", "UA", 50.45466, 30.5238, 2),
    city("Jakarta", "Jakarta", "ID", -6.21462, 106.84513, 7),
];

pub(super) const LISBON: CityIndex = 29;
pub(super) const DESTINATIONS: [CityIndex; 13] = [4, 8, 12, 24, 25, 29, 30, 31, 32, 33, 34, 35, 36];
pub(super) const CLOUD_REGIONS: [CityIndex; 4] = [24, 25, 26, 27];
pub(super) const ATTACKER_CITIES: [CityIndex; 16] = [
    24, 25, 27, 28, 33, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 35,
];
/// Of them, those that the policy of blocked countries names.
pub(super) const BLOCKED_COUNTRIES: [CityIndex; 4] = [38, 39, 41, 47];

/// How many kilometres apart two cities are, on the great circle.
pub(super) fn kilometres(from: CityIndex, to: CityIndex) -> i64 {
    let (from, to) = (&CITIES[usize::from(from)], &CITIES[usize::from(to)]);
    let sine = |degrees: f64| cosine((90.0 - degrees).to_radians());
    let north = sine(from.latitude) * sine(to.latitude);
    let east = cosine(from.latitude.to_radians())
        * cosine(to.latitude.to_radians())
        * cosine((from.longitude - to.longitude).to_radians());
    // The angle whose cosine that is, by halving.
    let (mut low, mut high) = (0.0, std::f64::consts::PI);
    for _ in 0..30 {
        let middle = f64::midpoint(low, high);
        if cosine(middle) > north + east {
            low = middle;
        } else {
            high = middle;
        }
    }
    #[expect(clippy::cast_possible_truncation, reason = "at most 20015")]
    let far = (low * 6371.0) as i64;
    far
}

/// The cosine as a sum. The library's may differ in its last bit between machines, and flights with it.
fn cosine(angle: f64) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    for turn in 1..16 {
        let double = f64::from(2 * turn);
        term *= -angle * angle / (double * (double - 1.0));
        sum += term;
    }
    sum
}

/// An address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ip {
    /// Managed identities have none.
    None,
    V4(u32),
    V6(u128),
}

/// What the tenant's named locations say about an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    No,
    /// Named, and multi-factor authentication is not asked for there.
    Trusted,
    /// Named only.
    Plain,
}

/// Where a record comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub ip: Ip,
    pub asn: u32,
    pub city: CityIndex,
    pub named: Named,
}

impl Place {
    pub const NOWHERE: Place = Place {
        ip: Ip::None,
        asn: 0,
        city: 0,
        named: Named::No,
    };

    pub fn trusted(&self) -> bool {
        self.named == Named::Trusted
    }
}

/// An office and what belongs to it.
pub(super) struct Site {
    pub city: CityIndex,
    pub towns: [CityIndex; 3],
    /// Where its mobile carrier's addresses are thought to be.
    pub carrier_hub: CityIndex,
    pub named: Named,
    /// How many in a hundred people work here.
    pub share: u64,
}

pub(super) const SITES: [Site; 6] = [
    site([0, 1, 2, 3], 0, Named::Trusted, 40),
    site([4, 5, 6, 7], 4, Named::Trusted, 20),
    site([8, 9, 10, 11], 27, Named::No, 15),
    site([16, 17, 18, 19], 16, Named::Plain, 10),
    site([12, 13, 14, 15], 12, Named::No, 8),
    site([20, 21, 22, 23], 20, Named::No, 7),
];

const fn site(cities: [CityIndex; 4], carrier_hub: CityIndex, named: Named, share: u64) -> Site {
    Site {
        city: cities[0],
        towns: [cities[1], cities[2], cities[3]],
        carrier_hub,
        named,
        share,
    }
}

fn v4(first: u8, second: u8, third: u8, fourth: u8) -> u32 {
    u32::from_be_bytes([first, second, third, fourth])
}

fn low32(bits: u64, count: u64) -> u32 {
    u32::try_from(scaled(bits, count)).unwrap_or(0)
}

/// `2001:db8:<site>:<network>::<host>`
fn v6(site: u64, network: u64, host: u64) -> Ip {
    let prefix = 0x2001_0db8_u128 << 96;
    let site = u128::from(site & 0xffff) << 80;
    let network = u128::from(network & 0xffff) << 64;
    Ip::V6(prefix | site | network | u128::from(host))
}

/// The office's address on the internet. One carries some eight hundred people.
pub(super) fn office(site: usize, people: u64, person: u64) -> Place {
    let exits = (people / 800 + 1).min(8192);
    let exit = u32::try_from(person % exits).unwrap_or(0);
    let of_site = u32::try_from(site).unwrap_or(0);
    // The first exits stand in a documentation range. A large office overflows into one of its own.
    let ip = if exit < 24 {
        v4(192, 0, 2, 10) + of_site * 24 + exit
    } else {
        v4(100, 127, 0, 0) + of_site * 8192 + exit
    };
    Place {
        ip: Ip::V4(ip),
        asn: 64496 + of_site,
        city: SITES[site].city,
        named: SITES[site].named,
    }
}

/// A home connection. The provider hands out another address now and then, `lease` counts how often it did.
/// `six` is set for what reaches the service by IPv6, and then tells the devices of a home apart.
pub(super) fn home(seed: u64, person: u64, town: CityIndex, lease: u64, six: Option<u64>) -> Place {
    let line = mix(seed, Purpose::Home, &[person]);
    let leased = mix(seed, Purpose::Home, &[person, lease]);
    let ip = match six {
        Some(device) => v6(
            0x1000 | (line & 0x0fff),
            leased,
            mix(line, Purpose::Home, &[device, lease]) | 1 << 57,
        ),
        None => Ip::V4(v4(100, 64, 0, 0) + low32(leased, 1 << 21)),
    };
    Place {
        ip,
        asn: 64502 + u32::from(town / 4 % 6) + low32(line, 2) * 4,
        city: town,
        named: Named::No,
    }
}

/// A mobile network. Hundreds share an address and nobody keeps one for long, `hours` counts the changes.
pub(super) fn carrier(
    seed: u64,
    person: u64,
    hub: CityIndex,
    pool: u64,
    hours: u64,
    six: bool,
) -> Place {
    let bits = mix(seed, Purpose::Carrier, &[person, hours]);
    let pool = pool.clamp(4, 1 << 14);
    let ip = if six {
        v6(
            0x2000 | u64::from(hub),
            bits,
            mix(bits, Purpose::Carrier, &[]),
        )
    } else {
        Ip::V4(v4(100, 96, 0, 0) + u32::from(hub) * 16_384 + low32(bits, pool))
    };
    Place {
        ip,
        asn: 65536 + u32::from(hub % 5),
        city: hub,
        named: Named::No,
    }
}

/// The company's way out for people on the road and at home: one of a few addresses, often abroad.
pub(super) fn company_exit(site: usize, person: u64) -> Place {
    let city = [24, 25, 27, 25, 28, 24][site];
    let exit = u32::try_from(person % 6).unwrap_or(0);
    Place {
        ip: Ip::V4(v4(198, 51, 100, 20) + u32::from(city) * 6 + exit),
        asn: 65542,
        city,
        named: Named::Plain,
    }
}

/// Wi-Fi of a hotel, a café, an airport or a conference.
pub(super) fn guest_wifi(city: CityIndex, which: u64) -> Place {
    let host = 1 + u32::from(city) * 5 + u32::try_from(which % 5).unwrap_or(0);
    Place {
        ip: Ip::V4(v4(203, 0, 113, 0) + host),
        asn: 65543 + u32::from(city % 3),
        city,
        named: Named::No,
    }
}

/// A machine in a public cloud.
pub(super) fn cloud(bits: u64, region: CityIndex) -> Place {
    Place {
        ip: Ip::V4(v4(198, 18, 0, 0) + low32(bits, 1 << 16)),
        asn: 65546 + u32::from(region % 2),
        city: region,
        named: Named::No,
    }
}

/// Hosting that public rules list, then some that they do not.
const HOSTING_ASNS: [u32; 8] = [14061, 9009, 62240, 45102, 132203, 65549, 65550, 65551];

/// A rented machine, or a private VPN that people use to watch television from elsewhere.
pub(super) fn hosting(bits: u64, provider: u64, city: CityIndex, six: bool) -> Place {
    let ip = if six {
        v6(0xf000 | (provider & 0xff), bits >> 48, bits)
    } else if provider.is_multiple_of(5) {
        Ip::V4(v4(203, 0, 113, 0) + 1 + low32(bits, 250))
    } else {
        Ip::V4(v4(198, 19, 0, 0) + low32(bits, 1 << 16))
    };
    Place {
        ip,
        asn: HOSTING_ASNS[usize::try_from(provider % 8).unwrap_or(0)],
        city,
        named: Named::No,
    }
}

/// A home connection that is rented out by the minute, somewhere in the world.
pub(super) fn residential(bits: u64, city: CityIndex) -> Place {
    Place {
        ip: Ip::V4(v4(100, 64, 0, 0) + low32(bits, 1 << 21)),
        asn: 64502 + low32(bits.rotate_left(20), 9),
        city,
        named: Named::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_roughly_right() {
        for (from, to, least, most) in [
            (0, 4, 770, 790),
            (0, 8, 6250, 6400),
            (0, 1, 15, 25),
            (8, 12, 15_200, 15_450),
        ] {
            let far = kilometres(from, to);
            assert!((least..=most).contains(&far), "{from} to {to}: {far} km");
        }
    }

    #[test]
    fn only_addresses_of_nobody() {
        for bits in [0, u64::MAX, 1 << 40, 0xdead_beef_0000_0001] {
            for place in [
                office(5, 1_000_000, bits),
                home(1, bits, 7, bits, None),
                home(1, bits, 7, bits, Some(2)),
                carrier(1, bits, 47, bits, bits, false),
                company_exit(3, bits),
                guest_wifi(47, bits),
                cloud(bits, 26),
                hosting(bits, bits, 40, false),
                hosting(bits, bits, 40, true),
                residential(bits, 40),
            ] {
                match place.ip {
                    Ip::V4(ip) => {
                        let documented =
                            [0x00c0_0002, 0x00c6_3364, 0x00cb_0071].contains(&(ip >> 8));
                        let shared = ip >> 22 == v4(100, 64, 0, 0) >> 22;
                        let benchmark = ip >> 17 == v4(198, 18, 0, 0) >> 17;
                        assert!(documented || shared || benchmark, "{ip:x}");
                    }
                    Ip::V6(ip) => assert_eq!(ip >> 96, 0x2001_0db8),
                    Ip::None => unreachable!(),
                }
            }
        }
    }
}
