//! The sums of an order over the tree of places: what each node adds up to, what somebody with a
//! right at some places sees of it, and which rows stand open. Pure; how sums come about is the
//! store's, how they look the web's.

use std::collections::HashMap;
use std::sync::Arc;

/// A grid of which nobody has said a word for so long after its first wave may be cut off.
pub const SILENT_MS: i64 = 15 * 60_000;
/// Fewer households than this are silent by chance.
pub const SILENT_HOUSEHOLDS: i64 = 10;
/// Children that stand below an opened row; the rest is one row.
pub const ROWS_LEVEL: usize = 24;

/// Households of an order at a place. `pursued = closed + open` and
/// `open = desk + list + sheet + run + orphan`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    pub audience: i64,
    /// Pursued, or told with an open help.
    pub pursued: i64,
    pub closed: i64,
    pub heard: i64,
    pub help: i64,
    pub refused: i64,
    /// Ring 1: all, and open.
    pub must: i64,
    pub must_open: i64,
    pub desk: i64,
    pub list: i64,
    pub sheet: i64,
    pub run: i64,
    pub orphan: i64,
}

impl Sums {
    /// Households that are still open.
    pub fn open(&self) -> i64 {
        self.pursued - self.closed
    }

    /// Whether every open household is in exactly one hand.
    pub fn balances(&self) -> bool {
        self.open() == self.desk + self.list + self.sheet + self.run + self.orphan
    }

    /// How much is open, in five steps: 0 nothing, 4 more than three quarters.
    pub fn step(&self) -> i64 {
        match (self.open(), self.pursued) {
            (open, _) if open <= 0 => 0,
            (open, pursued) => (open * 4 - 1).div_euclid(pursued.max(1)).clamp(0, 3) + 1,
        }
    }

    fn add(&mut self, other: &Sums) {
        self.audience += other.audience;
        self.pursued += other.pursued;
        self.closed += other.closed;
        self.heard += other.heard;
        self.help += other.help;
        self.refused += other.refused;
        self.must += other.must;
        self.must_open += other.must_open;
        self.desk += other.desk;
        self.list += other.list;
        self.sheet += other.sheet;
        self.run += other.run;
        self.orphan += other.orphan;
    }
}

impl<'a> std::iter::Sum<&'a Sums> for Sums {
    fn sum<I: Iterator<Item = &'a Sums>>(all: I) -> Sums {
        all.fold(Sums::default(), |mut sum, one| {
            sum.add(one);
            sum
        })
    }
}

/// A place in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub id: i64,
    pub code: String,
    pub name: String,
    pub kind: String,
    /// 0 at the root.
    pub parent_id: i64,
}

/// One row of the opened tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// None: the rest of the level.
    pub node: Option<usize>,
    /// How deep below the first rows.
    pub level: usize,
    pub opened: bool,
    /// Places in it.
    pub places: usize,
    pub sums: Sums,
}

/// The places of an order with their sums. Nodes are numbered, parents first.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    places: Arc<Vec<Place>>,
    by_id: HashMap<i64, usize>,
    parents: Vec<Option<usize>>,
    children: Vec<Vec<usize>>,
    sums: Vec<Sums>,
}

impl Tree {
    /// Places, parents first, and the sums of single ones: each counts at its place and at all
    /// above. A cell names the places it may stand at, the lowest first; unknown ones are passed.
    pub fn new(places: Arc<Vec<Place>>, cells: &[([i64; 2], Sums)]) -> Tree {
        let by_id: HashMap<i64, usize> =
            places.iter().enumerate().map(|(node, place)| (place.id, node)).collect();
        let parents: Vec<Option<usize>> =
            places.iter().map(|place| by_id.get(&place.parent_id).copied()).collect();
        let mut children = vec![Vec::new(); places.len()];
        for (node, parent) in parents.iter().enumerate() {
            if let Some(parent) = parent {
                children[*parent].push(node);
            }
        }
        let mut sums = vec![Sums::default(); places.len()];
        for (at, cell) in cells {
            let mut node = at.iter().find_map(|id| by_id.get(id).copied());
            while let Some(here) = node {
                sums[here].add(cell);
                node = parents[here];
            }
        }
        Tree { places, by_id, parents, children, sums }
    }

    /// The place of a node.
    pub fn place(&self, node: usize) -> &Place {
        &self.places[node]
    }

    /// What a node adds up to.
    pub fn sums(&self, node: usize) -> &Sums {
        &self.sums[node]
    }

    /// The node of a place.
    pub fn node(&self, place: i64) -> Option<usize> {
        self.by_id.get(&place).copied()
    }

    /// The node of a place by its code.
    pub fn node_by_code(&self, code: &str) -> Option<usize> {
        self.places.iter().position(|place| place.code == code)
    }

    /// The nodes just below.
    pub fn children(&self, node: usize) -> &[usize] {
        &self.children[node]
    }

    /// Whether there is anything at all.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// A node and all above it.
    pub fn path(&self, node: usize) -> Vec<usize> {
        std::iter::successors(Some(node), |here| self.parents[*here]).collect()
    }

    /// The highest nodes at which one of these rights is held: who holds it sees all below.
    pub fn tops(&self, held: &[i64]) -> Vec<usize> {
        let mut covered = vec![false; self.places.len()];
        let mut tops = Vec::new();
        for (node, place) in self.places.iter().enumerate() {
            let above = self.parents[node].is_some_and(|parent| covered[parent]);
            let own = held.contains(&place.id);
            covered[node] = above || own;
            if own && !above {
                tops.push(node);
            }
        }
        tops
    }

    /// Whether a node stands at or below one of these.
    pub fn is_below(&self, node: usize, tops: &[usize]) -> bool {
        self.path(node).iter().any(|here| tops.contains(here))
    }

    /// What these nodes add up to; none of them stands below another.
    pub fn total(&self, tops: &[usize]) -> Sums {
        tops.iter().map(|top| &self.sums[*top]).sum()
    }

    /// The first rows: a single node that leads to a single one is passed.
    pub fn first_rows(&self, tops: &[usize]) -> Vec<usize> {
        let mut rows = tops.to_vec();
        while let [only] = rows[..]
            && !self.children[only].is_empty()
        {
            rows.clone_from(&self.children[only]);
        }
        rows
    }

    /// The rows with everything open on the way to a node, and the node itself.
    pub fn rows(&self, tops: &[usize], opened: Option<usize>) -> Vec<Row> {
        let path = opened.map_or_else(Vec::new, |node| self.path(node));
        let mut rows = Vec::new();
        self.put_level(&self.first_rows(tops), 0, &path, &mut rows);
        rows
    }

    fn put_level(&self, nodes: &[usize], level: usize, path: &[usize], rows: &mut Vec<Row>) {
        let (shown, rest) = self.cut(nodes, ROWS_LEVEL, path);
        for node in shown {
            let opened = path.contains(&node);
            let places = self.children[node].len();
            rows.push(Row { node: Some(node), level, opened, places, sums: self.sums[node] });
            if opened {
                self.put_level(&self.children[node], level + 1, path, rows);
            }
        }
        if !rest.is_empty() {
            let (places, sums) = (rest.len(), self.total(&rest));
            rows.push(Row { node: None, level, opened: false, places, sums });
        }
    }

    /// The `most` nodes with the most open households in the tree's order, and the others.
    pub fn cut(&self, nodes: &[usize], most: usize, kept: &[usize]) -> (Vec<usize>, Vec<usize>) {
        if nodes.len() <= most {
            return (nodes.to_vec(), Vec::new());
        }
        let mut ranked = nodes.to_vec();
        ranked.sort_by_key(|node| {
            let sums = &self.sums[*node];
            (!kept.contains(node), std::cmp::Reverse((sums.open(), sums.pursued)), *node)
        });
        let rest = ranked.split_off(most);
        ranked.sort_unstable();
        (ranked, rest)
    }
}

/// Whether a grid may be cut off (疑似失联): told long ago, and nobody has said a word.
pub fn is_silent(sums: &Sums, handed_at: Option<i64>, now: i64) -> bool {
    let long_ago = handed_at.is_some_and(|at| now - at >= SILENT_MS);
    let mute = sums.heard == 0 && sums.closed == 0 && sums.help == 0;
    long_ago && mute && sums.audience >= SILENT_HOUSEHOLDS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(id: i64, parent_id: i64) -> Place {
        let (code, name) = (format!("p{id}"), format!("第{id}处"));
        Place { id, code, name, kind: "grid".into(), parent_id }
    }

    fn open(n: i64) -> Sums {
        Sums { audience: 2 * n, pursued: 2 * n, closed: n, run: n, ..Sums::default() }
    }

    /// 1 over 2 and 3; 2 over 20 to 49; 3 over 30.
    fn tree() -> Tree {
        let mut places = vec![place(1, 0), place(2, 1), place(3, 1), place(300, 3)];
        places.extend((20..50).map(|id| place(id, 2)));
        let mut cells: Vec<([i64; 2], Sums)> = (20..50).map(|id| ([id, 2], open(id))).collect();
        cells.push(([300, 3], open(7)));
        cells.push(([999, 3], open(1)));
        Tree::new(Arc::new(places), &cells)
    }

    #[test]
    fn a_node_is_the_sum_of_what_is_below() {
        let tree = tree();
        let two: i64 = (20..50).sum();
        assert_eq!(tree.sums(0).open(), two + 8);
        assert_eq!((tree.sums(1).open(), tree.sums(2).open()), (two, 8), "999 counts at 3");
        assert!(tree.sums(0).balances());
        assert!(!Sums { run: 1, ..tree.sums(0).to_owned() }.balances());
    }

    #[test]
    fn each_sees_what_is_below_his_places_and_no_more() {
        let tree = tree();
        assert_eq!(tree.tops(&[1, 2]), [0], "2 stands below 1");
        let tops = tree.tops(&[20, 3, 77]);
        assert_eq!(tree.total(&tops).open(), 28);
        let node = |id| tree.node(id).unwrap();
        assert!(tree.is_below(node(300), &tops) && tree.is_below(node(20), &tops));
        assert!(!tree.is_below(node(21), &tops) && !tree.is_below(node(1), &tops));
        assert!(tree.tops(&[77]).is_empty());
    }

    #[test]
    fn a_level_is_bounded_and_still_sums_to_its_parent() {
        let tree = tree();
        let rows = tree.rows(&[0], tree.node(2));
        let level = |level: usize| rows.iter().filter(move |row| row.level == level);
        assert_eq!(level(0).map(|row| row.sums.open()).sum::<i64>(), tree.sums(0).open());
        assert_eq!(level(1).map(|row| row.sums.open()).sum::<i64>(), tree.sums(1).open());
        assert_eq!(level(1).count(), ROWS_LEVEL + 1);
        let rest = level(1).next_back().unwrap();
        assert_eq!((rest.node, rest.places), (None, 6));
        assert_eq!(rest.sums.open(), (20..26).sum::<i64>(), "those with the least");
        assert!(rows[0].opened && !rows.last().unwrap().opened);
    }

    #[test]
    fn the_opened_way_is_never_in_the_rest() {
        let tree = tree();
        let rows = tree.rows(&[0], tree.node(20));
        assert!(rows.iter().any(|row| row.node == tree.node(20) && row.opened));
    }

    #[test]
    fn a_chain_of_single_places_is_passed() {
        let tree = tree();
        assert_eq!(tree.first_rows(&[2]), [3], "300, the only one below 3");
        assert_eq!(tree.first_rows(&[0]), [1, 2]);
    }

    #[test]
    fn steps_of_what_is_open() {
        let step = |open, pursued| Sums { pursued, closed: pursued - open, ..Sums::default() };
        let steps: Vec<i64> =
            [(0, 9), (1, 100), (25, 100), (26, 100), (75, 100), (76, 100), (9, 9), (0, 0)]
                .map(|(open, pursued)| step(open, pursued).step())
                .to_vec();
        assert_eq!(steps, [0, 1, 1, 2, 3, 4, 4, 0]);
    }

    #[test]
    fn silence_needs_time_and_households() {
        let sums = Sums { audience: 10, pursued: 10, ..Sums::default() };
        assert!(is_silent(&sums, Some(0), SILENT_MS));
        assert!(!is_silent(&sums, Some(1), SILENT_MS));
        assert!(!is_silent(&sums, None, SILENT_MS), "nothing was sent there");
        assert!(!is_silent(&Sums { heard: 1, ..sums }, Some(0), SILENT_MS));
        assert!(!is_silent(&Sums { audience: 9, ..sums }, Some(0), SILENT_MS));
    }
}
