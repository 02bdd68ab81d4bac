//! Duties: which person answers for a place, and in which order a list climbs.
//!
//! The rung order stands here; when a rung is due is decided by the plan.

use crate::domain::roster::PlaceKind;

/// What a person does for a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    BuildingLeader,
    GridLeader,
    GridDeputy,
    CommunityHead,
    StreetDuty,
    DutyRoom,
    Volunteer,
    UnitHead,
    ShelterManager,
}

/// The roles a list climbs through, lowest first.
pub const RUNG_ORDER: [Role; 6] = [
    Role::BuildingLeader,
    Role::GridLeader,
    Role::GridDeputy,
    Role::CommunityHead,
    Role::StreetDuty,
    Role::DutyRoom,
];

impl Role {
    pub const ALL: [Role; 9] = [
        Role::BuildingLeader,
        Role::GridLeader,
        Role::GridDeputy,
        Role::CommunityHead,
        Role::StreetDuty,
        Role::DutyRoom,
        Role::Volunteer,
        Role::UnitHead,
        Role::ShelterManager,
    ];

    /// The stable number under which the store keeps it.
    pub const fn code(self) -> i64 {
        match self {
            Role::BuildingLeader => 1,
            Role::GridLeader => 2,
            Role::GridDeputy => 3,
            Role::CommunityHead => 4,
            Role::StreetDuty => 5,
            Role::DutyRoom => 6,
            Role::Volunteer => 7,
            Role::UnitHead => 8,
            Role::ShelterManager => 9,
        }
    }

    /// The inverse of [`Role::code`].
    pub fn from_code(code: i64) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.code() == code)
    }

    /// The word used in files and settings.
    pub const fn word(self) -> &'static str {
        match self {
            Role::BuildingLeader => "building_leader",
            Role::GridLeader => "grid_leader",
            Role::GridDeputy => "grid_deputy",
            Role::CommunityHead => "community_head",
            Role::StreetDuty => "street_duty",
            Role::DutyRoom => "duty_room",
            Role::Volunteer => "volunteer",
            Role::UnitHead => "unit_head",
            Role::ShelterManager => "shelter_manager",
        }
    }

    /// The inverse of [`Role::word`].
    pub fn from_word(word: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.word() == word)
    }

    /// Its step on the ladder, 0 the lowest; `None` for roles that no list climbs to.
    pub fn rung(self) -> Option<usize> {
        RUNG_ORDER.iter().position(|role| *role == self)
    }

    /// Whether the role can be held for a place of this kind.
    pub const fn fits(self, kind: PlaceKind) -> bool {
        match self {
            Role::BuildingLeader => matches!(kind, PlaceKind::Building | PlaceKind::Stairwell),
            Role::GridLeader | Role::GridDeputy => matches!(kind, PlaceKind::Grid),
            Role::CommunityHead => matches!(kind, PlaceKind::Village),
            Role::StreetDuty => matches!(kind, PlaceKind::Town),
            Role::DutyRoom => matches!(kind, PlaceKind::County),
            Role::UnitHead => matches!(kind, PlaceKind::Building),
            Role::Volunteer | Role::ShelterManager => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_words_lead_back() {
        for role in Role::ALL {
            assert_eq!(Role::from_code(role.code()), Some(role));
            assert_eq!(Role::from_word(role.word()), Some(role));
        }
        assert_eq!(Role::from_code(0), None);
        assert_eq!(Role::from_word("网格长"), None);
    }

    #[test]
    fn the_ladder_goes_up_the_tree() {
        assert_eq!(Role::BuildingLeader.rung(), Some(0));
        assert_eq!(Role::DutyRoom.rung(), Some(5));
        assert_eq!(Role::Volunteer.rung(), None);
        let kinds = [
            PlaceKind::Building,
            PlaceKind::Grid,
            PlaceKind::Grid,
            PlaceKind::Village,
            PlaceKind::Town,
            PlaceKind::County,
        ];
        for (role, kind) in RUNG_ORDER.into_iter().zip(kinds) {
            assert!(role.fits(kind), "{role:?} at {kind:?}");
        }
    }
}
