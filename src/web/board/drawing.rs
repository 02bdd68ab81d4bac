//! The two drawings of a board as numbers for its templates: the curve of answers and the nested
//! cells. They hold every word in text; colour only repeats it.

use std::cmp::Reverse;

use serde_json::{Value, json};

use crate::domain::board::{ROWS_LEVEL, Sums, Tree};
use crate::domain::treemap::{Rect, lay_out};
use crate::engine::board::Look;
use crate::render::time::say_clock;

/// The curve's field, in units of its drawing.
const FIELD: Rect = Rect { x: 34.0, y: 10.0, w: 360.0, h: 130.0 };
/// The whole of the nested cells.
const MAP: Rect = Rect { x: 0.0, y: 0.0, w: 400.0, h: 380.0 };
/// A cell must hold a number; one with cells in it their name as well.
const CELL: (f64, f64) = (34.0, 18.0);
const NEST: (f64, f64) = (90.0, 64.0);
const STRIP: f64 = 17.0;
/// Cells of one drawing.
const CELLS: usize = 70;
/// Width of a Chinese character in a cell.
const CHAR: f64 = 12.0;

/// Both drawings, of a node or of all he sees.
pub(in crate::web) fn drawings(look: &Look, opened: Option<usize>) -> Value {
    let tree = &look.quick.tree;
    // A place without children is drawn as part of the one above.
    let at = opened.map(|node| match tree.children(node).is_empty() {
        true => tree.path(node).get(1).copied().unwrap_or(node),
        false => node,
    });
    let at = at.filter(|node| tree.is_below(*node, &look.tops));
    let nodes = match at {
        Some(node) => tree.children(node).to_vec(),
        None => tree.first_rows(&look.tops),
    };
    let mut cells = Vec::new();
    put_cells(tree, &nodes, MAP, 0, &mut cells);
    let tops = at.map_or_else(|| look.tops.clone(), |node| vec![node]);
    let name = at.map(|node| tree.place(node).name.as_str());
    json!({"of": name, "map": {"w": MAP.w, "h": MAP.h, "cells": cells},
        "curve": curve(look, &tops)})
}

/// What one cell stands for.
struct Part<'a> {
    node: Option<usize>,
    name: &'a str,
    places: usize,
    sums: Sums,
}

/// The nodes as parts, the largest first, those that would hold no number in one.
fn parts<'a>(tree: &'a Tree, nodes: &[usize], area: Rect) -> (Vec<Part<'a>>, Vec<Rect>) {
    let mut nodes: Vec<usize> =
        nodes.iter().copied().filter(|node| tree.sums(*node).pursued > 0).collect();
    nodes.sort_by_key(|node| (Reverse(tree.sums(*node).pursued), *node));
    let mut kept = nodes.len().min(ROWS_LEVEL);
    loop {
        let rest = &nodes[kept..];
        let mut parts: Vec<Part<'a>> = nodes[..kept]
            .iter()
            .map(|node| Part {
                node: Some(*node),
                name: &tree.place(*node).name,
                places: 1,
                sums: *tree.sums(*node),
            })
            .collect();
        if !rest.is_empty() {
            let sums = tree.total(rest);
            parts.push(Part { node: None, name: "其余", places: rest.len(), sums });
        }
        #[expect(clippy::cast_precision_loss, reason = "households, for a drawing")]
        let weights: Vec<f64> = parts.iter().map(|part| part.sums.pursued as f64).collect();
        let rects = lay_out(&weights, area);
        let small = rects[..kept].iter().any(|rect| rect.w < CELL.0 || rect.h < CELL.1);
        if !small || kept <= 1 {
            return (parts, rects);
        }
        kept -= 1;
    }
}

fn put_cells(tree: &Tree, nodes: &[usize], area: Rect, level: usize, cells: &mut Vec<Value>) {
    let (parts, rects) = parts(tree, nodes, area);
    for (part, rect) in parts.iter().zip(&rects) {
        let below = part.node.map_or(&[][..], |node| tree.children(node));
        let inner = rect.inside(3.0, STRIP);
        let fits = level == 0 && below.len() > 1 && rect.w >= NEST.0 && rect.h >= NEST.1;
        let nested = fits && cells.len() + below.len().min(ROWS_LEVEL) < CELLS && {
            let (parts, rects) = self::parts(tree, below, inner);
            let whole = parts.iter().all(|part| part.node.is_some());
            whole && rects.iter().all(|rect| rect.w >= CELL.0 && rect.h >= CELL.1)
        };
        cells.push(cell(tree, part, *rect, nested));
        if nested {
            put_cells(tree, below, inner, level + 1, cells);
        }
    }
}

fn cell(tree: &Tree, part: &Part<'_>, rect: Rect, nested: bool) -> Value {
    let place = part.node.map(|node| tree.place(node).code.as_str());
    let figure = format!("{}/{}", part.sums.open(), part.sums.pursued);
    let whole = match part.node {
        Some(_) => part.name.to_owned(),
        None => format!("其余{}处", part.places),
    };
    let name = fitting(&whole, rect.w - 8.0);
    // One line where there is no room for two, and then the number matters.
    let one_line = nested || rect.h < 2.0 * STRIP;
    let roomy = rect.w - 8.0 >= CHAR * (name.chars().count() + figure.len().div_ceil(2)) as f64;
    let lines: Vec<String> = match (one_line, roomy) {
        (true, true) => vec![format!("{name} {figure}")],
        (true, false) if nested => vec![name],
        (true, false) => vec![part.sums.open().to_string()],
        (false, _) if name.is_empty() => vec![part.sums.open().to_string()],
        (false, _) => vec![name, fitting_figure(&part.sums, rect.w - 8.0)],
    };
    json!({"place": place, "name": whole, "lines": lines, "step": part.sums.step(),
        "open": part.sums.open(), "pursued": part.sums.pursued, "nested": nested,
        "x": round(rect.x), "y": round(rect.y), "w": round(rect.w), "h": round(rect.h)})
}

/// As much of a name as goes into a width: a digit takes half of a character.
fn fitting(name: &str, width: f64) -> String {
    let mut left = width;
    name.chars()
        .take_while(|one| {
            left -= if one.is_ascii() { CHAR * 0.6 } else { CHAR };
            left >= 0.0
        })
        .collect()
}

fn fitting_figure(sums: &Sums, width: f64) -> String {
    let figure = format!("{}/{}", sums.open(), sums.pursued);
    match fitting(&figure, width).len() == figure.len() {
        true => figure,
        false => sums.open().to_string(),
    }
}

fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// The curve of answers since the release, with the same in words.
#[expect(clippy::cast_precision_loss, reason = "households and minutes, for a drawing")]
fn curve(look: &Look, tops: &[usize]) -> Value {
    let (tree, slow) = (&look.quick.tree, &look.slow);
    let total = tree.total(tops);
    let since = look.alert.live_at.unwrap_or(look.alert.created_at);
    let now = look.quick.at.max(since + 1);
    let end = look.act_by.filter(|at| *at > now && at - now < 2 * (now - since)).unwrap_or(now);
    let mut slots: Vec<(i64, i64)> = Vec::new();
    for (grid, slot, homes) in &slow.curve {
        if tree.node(*grid).is_some_and(|node| tree.is_below(node, tops)) {
            slots.push((*slot, *homes));
        }
    }
    slots.sort_unstable();
    let mut points = vec![(since, 0)];
    let mut sum = 0;
    for (n, (slot, homes)) in slots.iter().enumerate() {
        sum += homes;
        if slots.get(n + 1).is_none_or(|next| next.0 != *slot) {
            let at = (since + (slot + 1) * slow.slot_ms).min(now);
            points.push((at, sum.min(total.closed)));
        }
    }
    points.push((now, total.closed));
    let half = points.iter().find(|(_, homes)| homes * 2 >= total.pursued && *homes > 0);
    let (span, top) = ((end - since).max(1) as f64, total.pursued.max(1) as f64);
    let x = |at: i64| round(FIELD.x + FIELD.w * (at - since) as f64 / span);
    let y = |homes: i64| round(FIELD.y + FIELD.h * (1.0 - homes as f64 / top));
    let line: Vec<String> =
        points.iter().map(|(at, homes)| format!("{},{}", x(*at), y(*homes))).collect();
    let table: Vec<Value> = points
        .iter()
        .step_by(points.len().div_ceil(6).max(1))
        .chain(points.last())
        .map(|(at, homes)| json!({"at": at, "answered": homes}))
        .collect();
    json!({"line": line.join(" "), "since": since, "now": now, "answered": total.closed,
        "pursued": total.pursued, "half_at": half.map(|(at, _)| at), "top": FIELD.y,
        "bottom": FIELD.y + FIELD.h, "left": FIELD.x, "right": FIELD.x + FIELD.w,
        "now_x": x(now), "now_y": y(total.closed), "end": say_clock(end),
        "due_x": look.act_by.filter(|at| *at >= since && *at <= end).map(x), "table": table})
}
