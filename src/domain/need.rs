//! Needs of people and transfer categories of homes, as bits with words for files.
//!
//! Decides which needs make ring 2. Knows no texts: what a leader reads about a door is rendered
//! elsewhere, and never names an illness.

/// What somebody of a household cannot do alone, or what makes him fragile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Need {
    Over70,
    Over70Alone,
    Over75Alone,
    Infant,
    Pregnant,
    Disabled,
    Wheelchair,
    Bedridden,
    Oxygen,
    Dialysis,
    Deaf,
    Blind,
    NoChinese,
    Dementia,
    ChildAlone,
    LandlineOnly,
}

/// Why a home belongs to the transfer plan whatever the hazard's zone says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Category {
    UnsafeHouse,
    Shed,
    FloodPlain,
    BelowDam,
    LowGroundFloor,
    Slope,
    BuildingSite,
    Boat,
    FarmInn,
}

/// Needs by which a household stands in ring 2: somebody there cannot hear, understand or move
/// alone. The same needs put a household into band 0 (fragile) of the sending order.
pub const TRANSFER_CATEGORIES: i64 = (1 << Category::ALL.len()) - 1;

/// Needs that put a household elsewhere into ring 2.
pub const RING2_NEEDS: i64 = Need::Over75Alone.bit()
    | Need::Disabled.bit()
    | Need::Wheelchair.bit()
    | Need::Bedridden.bit()
    | Need::Oxygen.bit()
    | Need::Dialysis.bit()
    | Need::Deaf.bit()
    | Need::Blind.bit()
    | Need::NoChinese.bit()
    | Need::Dementia.bit()
    | Need::ChildAlone.bit();

impl Need {
    pub const ALL: [Need; 16] = [
        Need::Over70,
        Need::Over70Alone,
        Need::Over75Alone,
        Need::Infant,
        Need::Pregnant,
        Need::Disabled,
        Need::Wheelchair,
        Need::Bedridden,
        Need::Oxygen,
        Need::Dialysis,
        Need::Deaf,
        Need::Blind,
        Need::NoChinese,
        Need::Dementia,
        Need::ChildAlone,
        Need::LandlineOnly,
    ];

    /// Its bit in `household.needs` and `person.needs`; never reused for another meaning.
    pub const fn bit(self) -> i64 {
        match self {
            Need::Over70 => 1,
            Need::Over70Alone => 1 << 1,
            Need::Over75Alone => 1 << 2,
            Need::Infant => 1 << 3,
            Need::Pregnant => 1 << 4,
            Need::Disabled => 1 << 5,
            Need::Wheelchair => 1 << 6,
            Need::Bedridden => 1 << 7,
            Need::Oxygen => 1 << 8,
            Need::Dialysis => 1 << 9,
            Need::Deaf => 1 << 10,
            Need::Blind => 1 << 11,
            Need::NoChinese => 1 << 12,
            Need::Dementia => 1 << 13,
            Need::ChildAlone => 1 << 14,
            Need::LandlineOnly => 1 << 15,
        }
    }

    /// The word used in files and settings.
    pub const fn word(self) -> &'static str {
        match self {
            Need::Over70 => "over_70",
            Need::Over70Alone => "over_70_alone",
            Need::Over75Alone => "over_75_alone",
            Need::Infant => "infant",
            Need::Pregnant => "pregnant",
            Need::Disabled => "disabled",
            Need::Wheelchair => "wheelchair",
            Need::Bedridden => "bedridden",
            Need::Oxygen => "oxygen",
            Need::Dialysis => "dialysis",
            Need::Deaf => "deaf",
            Need::Blind => "blind",
            Need::NoChinese => "no_chinese",
            Need::Dementia => "dementia",
            Need::ChildAlone => "child_alone",
            Need::LandlineOnly => "landline_only",
        }
    }
}

impl Category {
    pub const ALL: [Category; 9] = [
        Category::UnsafeHouse,
        Category::Shed,
        Category::FloodPlain,
        Category::BelowDam,
        Category::LowGroundFloor,
        Category::Slope,
        Category::BuildingSite,
        Category::Boat,
        Category::FarmInn,
    ];

    /// Its bit in `household.categories`; never reused for another meaning.
    pub const fn bit(self) -> i64 {
        match self {
            Category::UnsafeHouse => 1,
            Category::Shed => 1 << 1,
            Category::FloodPlain => 1 << 2,
            Category::BelowDam => 1 << 3,
            Category::LowGroundFloor => 1 << 4,
            Category::Slope => 1 << 5,
            Category::BuildingSite => 1 << 6,
            Category::Boat => 1 << 7,
            Category::FarmInn => 1 << 8,
        }
    }

    /// The word used in files and settings.
    pub const fn word(self) -> &'static str {
        match self {
            Category::UnsafeHouse => "unsafe_house",
            Category::Shed => "shed",
            Category::FloodPlain => "flood_plain",
            Category::BelowDam => "below_dam",
            Category::LowGroundFloor => "low_ground_floor",
            Category::Slope => "slope",
            Category::BuildingSite => "building_site",
            Category::Boat => "boat",
            Category::FarmInn => "farm_inn",
        }
    }
}

/// Bits of words joined with `;` (empty text: none). `Err` is the first word nobody knows.
pub fn needs_of_words(words: &str) -> Result<i64, &str> {
    bits_of(words, |word| Need::ALL.iter().find(|need| need.word() == word).map(|need| need.bit()))
}

/// Bits of transfer categories from words joined with `;`. `Err` is the first unknown word.
pub fn categories_of_words(words: &str) -> Result<i64, &str> {
    bits_of(words, |word| {
        Category::ALL.iter().find(|category| category.word() == word).map(|found| found.bit())
    })
}

fn bits_of(words: &str, find: impl Fn(&str) -> Option<i64>) -> Result<i64, &str> {
    let mut bits = 0;
    for word in words.split(';').map(str::trim).filter(|word| !word.is_empty()) {
        bits |= find(word).ok_or(word)?;
    }
    Ok(bits)
}

/// The words of the bits, joined with `;`, in the order of the bits.
pub fn words_of_needs(bits: i64) -> String {
    join(Need::ALL.iter().filter(|need| bits & need.bit() != 0).map(|need| need.word()))
}

/// The words of the bits, joined with `;`, in the order of the bits.
pub fn words_of_categories(bits: i64) -> String {
    join(Category::ALL.iter().filter(|found| bits & found.bit() != 0).map(|found| found.word()))
}

fn join<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(";")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_distinct_and_words_return_to_them() {
        let mut seen = 0;
        for need in Need::ALL {
            assert_eq!(seen & need.bit(), 0, "{need:?}");
            seen |= need.bit();
            assert_eq!(needs_of_words(need.word()), Ok(need.bit()));
        }
        assert_eq!(needs_of_words(&words_of_needs(seen)), Ok(seen));
        let mut seen = 0;
        for category in Category::ALL {
            assert_eq!(seen & category.bit(), 0, "{category:?}");
            seen |= category.bit();
        }
        assert_eq!(categories_of_words(&words_of_categories(seen)), Ok(seen));
    }

    #[test]
    fn an_unknown_word_is_named() {
        assert_eq!(needs_of_words("deaf; 聋;blind"), Err("聋"));
        assert_eq!(needs_of_words(""), Ok(0));
        assert_eq!(categories_of_words("shed;oxygen"), Err("oxygen"));
    }

    #[test]
    fn ring_two_is_who_cannot_hear_understand_or_move_alone() {
        assert_ne!(RING2_NEEDS & Need::Deaf.bit(), 0);
        assert_ne!(RING2_NEEDS & Need::Over75Alone.bit(), 0);
        assert_eq!(RING2_NEEDS & Need::Over70.bit(), 0);
        assert_eq!(RING2_NEEDS & Need::LandlineOnly.bit(), 0);
    }
}
