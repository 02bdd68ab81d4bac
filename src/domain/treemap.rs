//! Nested cells whose areas are in proportion to weights ("squarified": as near to squares as it
//! goes, so that a word fits in). Pure geometry: it knows no place and no colour.

/// An area, in units of the drawing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rect {
    pub x: f64,
    pub y: f64,
    pub w: f64,
    pub h: f64,
}

impl Rect {
    /// The same without a margin on all sides and `head` more at the top.
    pub fn inside(&self, margin: f64, head: f64) -> Rect {
        Rect {
            x: self.x + margin,
            y: self.y + margin + head,
            w: (self.w - 2.0 * margin).max(0.0),
            h: (self.h - 2.0 * margin - head).max(0.0),
        }
    }
}

/// Lays out weights, the largest first, in an area; one cell a weight, in their order.
pub fn lay_out(weights: &[f64], area: Rect) -> Vec<Rect> {
    let whole: f64 = weights.iter().sum();
    if whole <= 0.0 || area.w <= 0.0 || area.h <= 0.0 {
        let nothing = Rect { w: 0.0, h: 0.0, ..area };
        return vec![nothing; weights.len()];
    }
    let scale = area.w * area.h / whole;
    let areas: Vec<f64> = weights.iter().map(|weight| weight.max(0.0) * scale).collect();
    let (mut cells, mut left, mut from) = (Vec::with_capacity(areas.len()), area, 0);
    while from < areas.len() {
        let side = left.w.min(left.h);
        let mut to = from + 1;
        while to < areas.len() && worst(&areas[from..=to], side) <= worst(&areas[from..to], side) {
            to += 1;
        }
        left = put_row(&areas[from..to], left, &mut cells);
        from = to;
    }
    cells
}

/// The worst ratio of sides in a row along a side.
fn worst(row: &[f64], side: f64) -> f64 {
    let sum: f64 = row.iter().sum();
    let ratio = |area: &f64| {
        let long = side * side * area / (sum * sum);
        if long > 1.0 { long } else { 1.0 / long.max(f64::MIN_POSITIVE) }
    };
    row.iter().map(ratio).fold(0.0, f64::max)
}

/// Puts a row along the shorter side; gives what is left.
fn put_row(row: &[f64], left: Rect, cells: &mut Vec<Rect>) -> Rect {
    let sum: f64 = row.iter().sum();
    let wide = left.w >= left.h;
    let depth = sum / if wide { left.h } else { left.w }.max(f64::MIN_POSITIVE);
    let mut along = if wide { left.y } else { left.x };
    for area in row {
        let long = if depth > 0.0 { area / depth } else { 0.0 };
        cells.push(match wide {
            true => Rect { x: left.x, y: along, w: depth, h: long },
            false => Rect { x: along, y: left.y, w: long, h: depth },
        });
        along += long;
    }
    match wide {
        true => Rect { x: left.x + depth, w: (left.w - depth).max(0.0), ..left },
        false => Rect { y: left.y + depth, h: (left.h - depth).max(0.0), ..left },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AREA: Rect = Rect { x: 10.0, y: 20.0, w: 400.0, h: 300.0 };

    fn overlap(a: &Rect, b: &Rect) -> f64 {
        let span = |a: f64, aw: f64, b: f64, bw: f64| ((a + aw).min(b + bw) - a.max(b)).max(0.0);
        span(a.x, a.w, b.x, b.w) * span(a.y, a.h, b.y, b.h)
    }

    proptest! {
        #[test]
        fn cells_fill_the_area_in_proportion_and_never_overlap(
            mut weights in prop::collection::vec(1_u32..500, 1..40)
        ) {
            weights.sort_unstable_by(|a, b| b.cmp(a));
            let weights: Vec<f64> = weights.into_iter().map(f64::from).collect();
            let cells = lay_out(&weights, AREA);
            let whole: f64 = weights.iter().sum();
            prop_assert_eq!(cells.len(), weights.len());
            for (n, (cell, weight)) in cells.iter().zip(&weights).enumerate() {
                let due = weight / whole * AREA.w * AREA.h;
                prop_assert!((cell.w * cell.h - due).abs() < 0.01, "{:?} {}", cell, due);
                prop_assert!(cell.x >= AREA.x - 1e-6 && cell.y >= AREA.y - 1e-6);
                prop_assert!(cell.x + cell.w <= AREA.x + AREA.w + 1e-6);
                prop_assert!(cell.y + cell.h <= AREA.y + AREA.h + 1e-6);
                for other in &cells[n + 1..] {
                    prop_assert!(overlap(cell, other) < 0.01, "{:?} {:?}", cell, other);
                }
            }
        }
    }

    #[test]
    fn nothing_has_no_area() {
        assert!(lay_out(&[], AREA).is_empty());
        assert_eq!(lay_out(&[0.0], AREA)[0].w, 0.0);
    }

    #[test]
    fn equal_weights_are_nearly_square() {
        for cell in lay_out(&[1.0; 12], AREA) {
            assert!(cell.w / cell.h < 2.0 && cell.h / cell.w < 2.0, "{cell:?}");
        }
    }
}
