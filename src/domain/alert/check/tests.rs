//! Every defect by name, and that a sound version has none.

use super::*;

const NOW: i64 = 1_381_100_000_000;
const RINGS: [RingAsked; 3] = [
    RingAsked { ring: 1, demand: Demand::Evacuation, pursued: true },
    RingAsked { ring: 2, demand: Demand::Receipt, pursued: true },
    RingAsked { ring: 3, demand: Demand::Inform, pursued: false },
];

fn order() -> Submission<'static> {
    Submission {
        origin: Origin::Own,
        title: "凤山街道低洼地带转移指令",
        issuer: "余姚市防指",
        number: None,
        colour: None,
        issued_at: NOW,
        urgency: Urgency::Flash,
        act_by: Some(NOW + 3 * HOUR_MS),
        expires_at: NOW + 12 * HOUR_MS,
        told: Told::default(),
        audience: true,
        moves: true,
        homes: &[(1, 120), (2, 30), (3, 800)],
        rings: &RINGS,
        gateway: true,
        duty_room: true,
        roll: None,
    }
}

fn warning() -> Submission<'static> {
    Submission {
        origin: Origin::Forwarded,
        title: "余姚市气象台发布台风橙色预警信号",
        issuer: "余姚市气象台",
        number: Some("33028141600000_20131006150000"),
        colour: Some("橙色"),
        ..order()
    }
}

fn words(version: &Submission) -> Vec<&'static str> {
    check(version, NOW).iter().map(Defect::word).collect()
}

#[test]
fn a_sound_order_and_a_sound_warning_have_no_defect() {
    assert_eq!(check(&order(), NOW), []);
    assert_eq!(check(&warning(), NOW), []);
}

#[test]
fn an_own_order_with_a_colour_is_refused() {
    let mut version = order();
    version.colour = Some("红色");
    assert_eq!(words(&version), ["own-with-colour"]);
}

#[test]
fn a_forwarded_warning_names_its_issuer_and_number_and_a_real_colour() {
    let mut version = warning();
    (version.issuer, version.number, version.colour) = (" ", None, Some("白色"));
    assert_eq!(words(&version), ["no-issuer", "no-number", "unknown-colour"]);
    version = warning();
    version.number = Some("　");
    assert_eq!(words(&version), ["no-number"]);
}

#[test]
fn a_text_says_what_its_head_says() {
    let mut version = warning();
    let told = |colour, title| Told { colour, title, by: "" };
    for (colour, title, fits) in [
        ("橙色", "台风橙色预警信号", true),
        ("橙", "台风预警", true),
        ("", "台风橙色预警信号", true),
        ("", "", true),
        ("红色", "台风预警", false),
        ("", "台风红色预警信号", false),
        ("", "台风预警", false),
    ] {
        version.told = told(colour, title);
        let expected: &[&str] = if fits { &[] } else { &["colour-differs"] };
        assert_eq!(words(&version), expected, "{colour} {title}");
    }
    (version.colour, version.told) = (None, told("红色", "台风红色预警信号"));
    let said = check(&version, NOW)[0].to_string();
    assert!(said.contains("colour is 无 and its text says 红色"), "{said}");
    version.told = told("", "洪水预报");
    assert_eq!(words(&version), [""; 0]);
    let mut own = order();
    own.told = told("红色", "暴雨预警");
    assert_eq!(words(&own), ["own-with-colour"]);
}

#[test]
fn the_time_in_the_text_is_the_one_the_ladders_go_by() {
    let mut version = order();
    let act_by = version.act_by.unwrap();
    let minutes = act_by.rem_euclid(DAY_MS) / 60_000 + 8 * 60;
    let same = format!("{}点{}分", minutes / 60 % 24, minutes % 60);
    version.told.by = &same;
    assert_eq!(words(&version), [""; 0], "{same}");
    version.told.by = "天黑前";
    assert_eq!(words(&version), [""; 0]);
    let other = format!("{}点{}分", (minutes / 60 + 1) % 24, minutes % 60);
    version.told.by = &other;
    let said = check(&version, NOW)[0].to_string();
    assert!(said.contains(&other) && said.contains("act_by is 20"), "{said}");
    version.act_by = None;
    assert_eq!(words(&version), [""; 0], "there is nothing to compare it with");
}

#[test]
fn every_defect_of_a_version_is_named_at_once() {
    let mut version = order();
    version.audience = false;
    version.title = "";
    version.act_by = Some(NOW);
    version.expires_at = NOW - 1;
    version.duty_room = false;
    let expected =
        ["empty-audience", "no-title", "act-by-past", "expiry-past", "expiry-before-act-by"];
    assert_eq!(words(&version)[..5], expected);
    assert_eq!(words(&version)[5..], ["no-duty-room"]);
}

#[test]
fn times_are_held_to_their_limits() {
    let mut version = order();
    version.expires_at = NOW + MAX_VALID_MS;
    version.issued_at = NOW + ISSUED_AHEAD_MS;
    assert_eq!(words(&version), [""; 0]);
    version.expires_at += 1;
    version.issued_at += 1;
    assert_eq!(words(&version), ["issued-in-future", "expiry-too-late"]);
}

#[test]
fn a_notice_pursues_nobody() {
    let mut version = order();
    version.urgency = Urgency::Notice;
    assert_eq!(words(&version), ["pursuit-needs-urgent"]);
    let told = [RINGS[2]];
    (version.rings, version.moves) = (&told, false);
    assert_eq!(words(&version), [""; 0]);
}

#[test]
fn an_order_to_move_leaves_out_no_ring_in_which_somebody_lives() {
    let mut version = order();
    let told = [RINGS[2]];
    version.rings = &told;
    assert_eq!(check(&version, NOW), [Defect::RingLeftOut(1, 120), Defect::RingLeftOut(2, 30)]);
    let said = Defect::RingLeftOut(1, 120).to_string();
    assert!(said.contains("ring 1") && said.contains("120 households"), "{said}");
    // Nobody lives in those: nothing is missing.
    version.homes = &[(1, 0), (3, 800)];
    assert_eq!(check(&version, NOW), []);
    // What makes an order to move is the demand as well as the text.
    (version.rings, version.homes, version.moves) = (&RINGS[..2], &[(3, 1)], false);
    assert_eq!(check(&version, NOW), [Defect::RingLeftOut(3, 1)]);
    version.rings = &told;
    version.homes = &[(1, 120)];
    assert_eq!(check(&version, NOW), [], "a notice may speak to one ring alone");
}

#[test]
fn ring_one_of_an_order_to_move_is_pursued() {
    let mut version = order();
    let mut rings = RINGS;
    rings[0].pursued = false;
    version.rings = &rings;
    assert_eq!(words(&version), ["move-not-pursued"]);
    let mut rings = RINGS;
    (rings[0].demand, rings[0].pursued) = (Demand::Inform, false);
    version.rings = &rings;
    assert_eq!(words(&version), ["move-not-pursued"]);
    version.moves = false;
    assert_eq!(words(&version), [""; 0]);
}

#[test]
fn rings_are_known_named_once_and_pursued_for_something() {
    let mut version = order();
    version.homes = &[];
    version.rings = &[];
    assert_eq!(words(&version), ["no-rings"]);
    let mut fourth = RINGS[0];
    fourth.ring = 4;
    let mut idle = RINGS[2];
    idle.pursued = true;
    let rings = [RINGS[0], RINGS[0], fourth, idle];
    version.rings = &rings;
    assert_eq!(
        check(&version, NOW),
        [Defect::BadRing(1), Defect::BadRing(4), Defect::PursuedWithoutDemand(3)]
    );
}

#[test]
fn an_exercise_reaches_only_a_confirmed_roll() {
    let mut version = order();
    let mut roll = Roll { numbers: 0, unconfirmed: 0 };
    version.roll = Some(roll);
    assert_eq!(check(&version, NOW), [Defect::EmptyRoll]);
    (roll.numbers, roll.unconfirmed) = (12, 2);
    version.roll = Some(roll);
    assert_eq!(check(&version, NOW), [Defect::UnconfirmedRoll(2)]);
    roll.unconfirmed = 0;
    version.roll = Some(roll);
    assert_eq!(check(&version, NOW), []);
}

#[test]
fn only_a_missing_duty_room_or_gateway_yields_to_the_bypass() {
    let mut version = order();
    version.audience = false;
    (version.duty_room, version.gateway) = (false, false);
    assert_eq!(words(&version), ["empty-audience", "no-duty-room", "no-gateway"]);
    let stays: Vec<_> =
        check(&version, NOW).into_iter().filter(|defect| !defect.yields_to_bypass()).collect();
    assert_eq!(stays, [Defect::EmptyAudience]);
}
