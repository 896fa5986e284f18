//! What is kept of tickets that did more than wait, by position.

use crate::ticket::Detail;

/// Positions side by side in memory: those who are let in stand next to each other in line.
const PAGE: usize = 16;

type Page = [Option<Detail>; PAGE];

/// A sparse table: a position without details costs at most its place in a page.
#[derive(Debug, Clone, Default)]
pub(crate) struct Details {
    pages: Vec<Option<Box<Page>>>,
}

impl Details {
    pub(crate) fn get(&self, position: u32) -> Option<&Detail> {
        let (page, place) = place(position);
        self.pages.get(page)?.as_ref()?[place].as_ref()
    }

    /// The detail at a position; a default one where there was none.
    pub(crate) fn of(&mut self, position: u32) -> &mut Detail {
        let (page, place) = place(position);
        if page >= self.pages.len() {
            self.pages.resize_with(page + 1, || None);
        }
        let page = self.pages[page].get_or_insert_with(Box::default);
        page[place].get_or_insert_with(Detail::default)
    }

    /// All of them, in the order of positions.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Detail)> {
        let pages = self.pages.iter().zip(0_u32..);
        let pages = pages.filter_map(|(page, number)| Some((page.as_ref()?, number)));
        pages.flat_map(|(page, number)| {
            let positions = number * PAGE as u32..;
            page.iter().zip(positions).filter_map(|(detail, at)| Some((at, detail.as_ref()?)))
        })
    }
}

fn place(position: u32) -> (usize, usize) {
    (position as usize / PAGE, position as usize % PAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_asked_for_is_there_and_in_order() {
        let mut details = Details::default();
        for position in [40, 1, 16, 15, 1] {
            details.of(position).attempt += position as u16;
        }
        let all: Vec<_> = details.iter().map(|(at, detail)| (at, detail.attempt)).collect();
        assert_eq!(all, [(1, 2), (15, 15), (16, 16), (40, 40)]);
        assert_eq!(details.get(40).map(|detail| detail.attempt), Some(40));
        assert!([0, 2, 17, 41, 4_000].iter().all(|at| details.get(*at).is_none()));
    }
}
