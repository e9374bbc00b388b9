//! Every item that was ever bought, interned: models speak of items by small numbers.

use std::sync::Arc;

use rustc_hash::FxHashMap;

/// An item's place in its [`Catalogue`].
pub type ItemId = u32;

/// A category's place in its [`Catalogue`].
pub type CategoryId = u32;

/// Items that a catalogue holds at most; those that come later are left out of recommendations. At about 150 bytes an
/// item the bound is 300 MB.
pub const MAX_ITEMS: usize = 2_000_000;

/// What is known of an item.
#[derive(Debug, Clone)]
struct Entry {
    sku: Arc<str>,
    name: Box<str>,
    category: Option<CategoryId>,
    /// Sum of the unit prices seen, and how many: their mean is the item's price.
    price_sum_cents: i64,
    priced: u32,
}

/// Items and categories by number and by name.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    items: Vec<Entry>,
    by_sku: FxHashMap<Arc<str>, ItemId>,
    categories: Vec<Arc<str>>,
    by_category: FxHashMap<Arc<str>, CategoryId>,
}

impl Catalogue {
    /// The number of `sku`, new if it was unknown; `None` when [`MAX_ITEMS`] are known already. A name or category
    /// given earlier stays, an empty one is filled in.
    pub fn intern(&mut self, sku: &str, name: &str, category: &str) -> Option<ItemId> {
        let id = match self.by_sku.get(sku) {
            Some(&id) => id,
            None if self.items.len() >= MAX_ITEMS => return None,
            None => {
                let id = self.items.len() as ItemId;
                let sku: Arc<str> = sku.into();
                self.by_sku.insert(Arc::clone(&sku), id);
                self.items.push(Entry { sku, name: "".into(), category: None, price_sum_cents: 0, priced: 0 });
                id
            }
        };
        let (no_name, no_category) = {
            let entry = &self.items[id as usize];
            (entry.name.is_empty() && !name.is_empty(), entry.category.is_none() && !category.is_empty())
        };
        if no_name {
            self.items[id as usize].name = name.into();
        }
        if no_category {
            self.items[id as usize].category = Some(self.intern_category(category));
        }
        Some(id)
    }

    /// The number of a category, new if it was unknown.
    pub fn intern_category(&mut self, category: &str) -> CategoryId {
        if let Some(&id) = self.by_category.get(category) {
            return id;
        }
        let id = self.categories.len() as CategoryId;
        let name: Arc<str> = category.into();
        self.categories.push(Arc::clone(&name));
        self.by_category.insert(name, id);
        id
    }

    /// Counts one more unit price of an item; those that are not above 0 say nothing.
    pub fn saw_price(&mut self, item: ItemId, price_cents: i64) {
        if price_cents > 0 {
            let entry = &mut self.items[item as usize];
            entry.price_sum_cents = entry.price_sum_cents.saturating_add(price_cents);
            entry.priced = entry.priced.saturating_add(1);
        }
    }

    /// How many items there are; ids are all numbers below it.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether nothing was ever interned.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How many categories there are; ids are all numbers below it.
    pub fn category_count(&self) -> usize {
        self.categories.len()
    }

    /// A category's name.
    pub fn category_text(&self, category: CategoryId) -> &str {
        &self.categories[category as usize]
    }

    /// The number of an item, if it was ever bought.
    pub fn item(&self, sku: &str) -> Option<ItemId> {
        self.by_sku.get(sku).copied()
    }

    /// The number of a category, if an item of it was ever bought.
    pub fn category(&self, name: &str) -> Option<CategoryId> {
        self.by_category.get(name).copied()
    }

    /// The shop's own id of an item.
    pub fn sku(&self, item: ItemId) -> &str {
        &self.items[item as usize].sku
    }

    /// An item's name; empty where the shop never gave one.
    pub fn name(&self, item: ItemId) -> &str {
        &self.items[item as usize].name
    }

    /// The category of an item, where the shop gave one.
    pub fn category_of(&self, item: ItemId) -> Option<CategoryId> {
        self.items[item as usize].category
    }

    /// The name of an item's category; empty where it has none.
    pub fn category_name(&self, item: ItemId) -> &str {
        self.category_of(item).map_or("", |category| &self.categories[category as usize])
    }

    /// The mean unit price seen, in minor units; 0 where none was.
    pub fn price_cents(&self, item: ItemId) -> i64 {
        let entry = &self.items[item as usize];
        entry.price_sum_cents.checked_div(i64::from(entry.priced)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interns_once_and_fills_in_what_was_missing() {
        let mut catalogue = Catalogue::default();
        let cup = catalogue.intern("cup", "", "");
        assert_eq!(catalogue.intern("lamp", "Lamp", "light"), Some(1));
        assert_eq!(catalogue.intern("cup", "Cup", "kitchen"), cup, "the same item has the same number");
        assert_eq!(catalogue.intern("cup", "Mug", "garden"), cup);
        let cup = cup.expect("a catalogue of one item has room");
        assert_eq!((catalogue.sku(cup), catalogue.name(cup), catalogue.category_name(cup)), ("cup", "Cup", "kitchen"));
        assert_eq!(
            (catalogue.item("lamp"), catalogue.item("none"), catalogue.category("light")),
            (Some(1), None, Some(0))
        );
        for price in [0, -5, 100, 300, i64::MAX] {
            catalogue.saw_price(1, price);
        }
        assert_eq!((catalogue.price_cents(0), catalogue.price_cents(1)), (0, i64::MAX / 3), "sums saturate");
    }
}
