//! The wording of messages as `render` asks for it: the rules of `domain::wording` by field, and
//! the colours, which only a forwarded warning has. Never cleans an author's word: what was
//! approved is what is sent.

use super::fault::RenderFault;
use crate::domain::wording::{WordingFault, broken_rule};

/// Checks that `value` may stand in a message as `field`, at most `most` UTF-16 units long.
///
/// # Errors
/// [`RenderFault::Wording`] names the field and the rule that is broken.
pub fn check_wording(field: &str, value: &str, most: usize) -> Result<(), RenderFault> {
    broken_rule(value, most).map_or(Ok(()), |rule| Err(fault(field, rule)))
}

pub(super) fn fault(field: &str, rule: WordingFault) -> RenderFault {
    RenderFault::Wording { field: field.into(), rule }
}

const COLOURS: [(&str, &str); 4] = [("蓝色", "蓝"), ("黄色", "黄"), ("橙色", "橙"), ("红色", "红")];

/// Own orders carry no colour: 橙色预警 is refused in them, 红色小学 is a place.
pub(super) fn check_colourless(field: &str, value: &str) -> Result<(), RenderFault> {
    let said = COLOURS.iter().flat_map(|(long, short)| [long, short]).find_map(|colour| {
        ["预警", "警报", "信号"]
            .iter()
            .map(|word| format!("{colour}{word}"))
            .find(|word| value.contains(word.as_str()))
    });
    said.map_or(Ok(()), |said| Err(fault(field, WordingFault::Colour(said))))
}

/// Whether the colour has to be printed beside the title, because the title does not have it.
///
/// # Errors
/// [`RenderFault::Wording`] when it is no colour, or the title names only others.
pub(super) fn colour_stands_apart(colour: &str, title: &str) -> Result<bool, RenderFault> {
    if !COLOURS.iter().any(|(long, short)| colour == *long || colour == *short) {
        return Err(fault("colour", WordingFault::NoColour));
    }
    if title.contains(colour) {
        return Ok(false);
    }
    if COLOURS.iter().any(|(long, _)| title.contains(long)) {
        return Err(fault("colour", WordingFault::ColourDiffers));
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_belongs_to_forwarded_warnings_and_agrees_with_the_title() {
        assert!(check_colourless("shelter", "红色小学").is_ok());
        assert!(check_colourless("shelter", "橙色预警").is_err());
        assert!(check_colourless("shelter", "红预警").is_err());
        assert_eq!(colour_stands_apart("橙色", "台风橙色预警信号"), Ok(false));
        assert_eq!(
            colour_stands_apart("橙", "将台风黄色预警信号升级为台风橙色预警信号"),
            Ok(false)
        );
        assert_eq!(colour_stands_apart("橙色", "洪水预警"), Ok(true));
        assert!(colour_stands_apart("红色", "台风橙色预警信号").is_err());
        assert!(colour_stands_apart("紫色", "台风预警").is_err());
    }
}
