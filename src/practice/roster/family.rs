//! Who lives behind a door: ages, names, needs. No numbers and no places.

use super::chance::Chance;
use super::names::{self, Sex};
use super::outline::Build;
use crate::domain::need::Need;

/// The year ages are counted from: the roster's own, so that a seed gives the same bytes for ever.
pub const YEAR: i64 = 2026;

/// One who lives there.
#[derive(Debug)]
pub struct Member {
    pub name: String,
    pub age: i64,
    /// Bits of [`Need`].
    pub needs: i64,
}

impl Member {
    pub fn birth_year(&self) -> i64 {
        year_born(self.age)
    }
}

/// The year in which somebody of that age was born.
pub fn year_born(age: i64) -> i64 {
    YEAR - age
}

/// The shape of a household.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    OldAlone,
    OldCouple,
    Single,
    Couple,
    Parents,
    ThreeGenerations,
    Shared,
}

#[derive(Debug)]
pub struct Family {
    pub shape: Shape,
    pub members: Vec<Member>,
}

impl Family {
    /// Bits of all members and of the household as a whole.
    pub fn needs(&self) -> i64 {
        let mut needs = self.members.iter().fold(0, |bits, member| bits | member.needs);
        if let [only] = &self.members[..] {
            if only.age >= 70 {
                needs |= Need::Over70Alone.bit();
            }
            if only.age >= 75 {
                needs |= Need::Over75Alone.bit();
            }
        }
        needs
    }

    /// Old people without younger ones.
    pub fn is_old(&self) -> bool {
        match self.shape {
            Shape::OldAlone | Shape::OldCouple => true,
            Shape::Single
            | Shape::Couple
            | Shape::Parents
            | Shape::ThreeGenerations
            | Shape::Shared => false,
        }
    }
}

fn shape(chance: &mut Chance, build: Build) -> Shape {
    use Shape::*;
    chance.weigh(match build {
        Build::Blocks => &[
            (9, OldAlone),
            (13, OldCouple),
            (16, Single),
            (22, Couple),
            (27, Parents),
            (9, ThreeGenerations),
            (4, Shared),
        ],
        Build::OldQuarter => &[
            (22, OldAlone),
            (24, OldCouple),
            (12, Single),
            (14, Couple),
            (14, Parents),
            (7, ThreeGenerations),
            (7, Shared),
        ],
        Build::Village => &[
            (13, OldAlone),
            (17, OldCouple),
            (9, Single),
            (18, Couple),
            (21, Parents),
            (19, ThreeGenerations),
            (3, Shared),
        ],
    })
}

/// A family as it is found in such a quarter.
pub fn family(chance: &mut Chance, build: Build) -> Family {
    use Shape::*;
    let shape = shape(chance, build);
    let house = names::surname(chance);
    let mut members = Vec::with_capacity(6);
    let mut add = |chance: &mut Chance, sex: Sex, age: i64, surname: &str| {
        let name = format!("{surname}{}", names::given(chance, sex, age));
        let needs = needs_at(chance, age);
        members.push(Member { name, age, needs });
    };
    let (child, other) = (Sex::any(chance), names::surname(chance));
    match shape {
        OldAlone => {
            let sex = if chance.in_1000(650) { Sex::Woman } else { Sex::Man };
            let age = old_age(chance, 94);
            add(chance, sex, age, house);
        }
        OldCouple => {
            let age = old_age(chance, 88);
            add(chance, Sex::Man, age, house);
            let younger = chance.between(0, 5);
            add(chance, Sex::Woman, age - younger, other);
        }
        Single => {
            let age = chance.between(20, 64);
            add(chance, child, age, house);
        }
        Couple => {
            let age = chance.between(25, 66);
            add(chance, Sex::Man, age, house);
            add(chance, Sex::Woman, age - 2, other);
        }
        Parents | ThreeGenerations => {
            let age = chance.between(27, 48);
            add(chance, Sex::Man, age, house);
            add(chance, Sex::Woman, age - 1, other);
            let eldest = chance.between(0, (age - 23).min(20));
            add(chance, child, eldest, house);
            if chance.in_1000(450) {
                let sex = Sex::any(chance);
                add(chance, sex, (eldest - 3).max(0), house);
            }
            if shape == ThreeGenerations {
                let parent = age + chance.between(23, 31);
                add(chance, Sex::Woman, parent, names_of_mother(other, house));
                if chance.in_1000(600) {
                    add(chance, Sex::Man, parent + 2, house);
                }
            }
        }
        Shared => {
            for _ in 0..chance.between(3, 5) {
                let (sex, surname) = (Sex::any(chance), names::surname(chance));
                let age = chance.between(19, 45);
                add(chance, sex, age, surname);
            }
        }
    }
    Family { shape, members }
}

/// Old, and the older the rarer.
fn old_age(chance: &mut Chance, most: i64) -> i64 {
    chance.between(66, most).min(chance.between(66, most))
}

/// A grandmother bears another name than the house, where one is at hand.
fn names_of_mother(other: &'static str, house: &'static str) -> &'static str {
    if other == house { "毛" } else { other }
}

/// What somebody of that age can't do alone; rates in a thousand, rising with age.
fn needs_at(chance: &mut Chance, age: i64) -> i64 {
    let mut needs = 0;
    if age >= 70 {
        needs |= Need::Over70.bit();
    }
    if age < 2 {
        needs |= Need::Infant.bit();
    }
    let rates: &[(i64, i64, Need)] = &[
        (3, 12, Need::Disabled),
        (1, 14, Need::Wheelchair),
        (0, 12, Need::Bedridden),
        (0, 4, Need::Oxygen),
        (1, 3, Need::Dialysis),
        (1, 18, Need::Deaf),
        (1, 6, Need::Blind),
        (0, 16, Need::Dementia),
        (1, 0, Need::NoChinese),
    ];
    for (young, old, need) in rates {
        if chance.in_1000(if age >= 70 { *old } else { *young }) {
            needs |= need.bit();
        }
    }
    if (22..40).contains(&age) && chance.in_1000(9) {
        needs |= Need::Pregnant.bit();
    }
    needs
}
