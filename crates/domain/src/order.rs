//! Orders (活动单): how chances are obtained, and where an order stands. Every move is a row of [`TABLE`]; nothing else
//! moves an order, and the diagram in `docs/orders.md` is drawn from the same rows.

use serde::{Deserialize, Serialize};

/// Where an order's chances come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderKind {
    SignIn,
    Paid,
    Redeem,
    Points,
    Purchase,
    Referral,
    Grant,
    /// Bought in the exchange shop with points.
    Exchange,
}

impl OrderKind {
    /// The word that API and storage use.
    pub fn word(self) -> &'static str {
        match self {
            OrderKind::SignIn => "sign_in",
            OrderKind::Paid => "paid",
            OrderKind::Redeem => "redeem",
            OrderKind::Points => "points",
            OrderKind::Purchase => "purchase",
            OrderKind::Referral => "referral",
            OrderKind::Grant => "grant",
            OrderKind::Exchange => "exchange",
        }
    }

    /// The kind behind a stored word.
    pub fn parse(word: &str) -> Option<Self> {
        use OrderKind::*;
        [SignIn, Paid, Redeem, Points, Purchase, Referral, Grant, Exchange].into_iter().find(|k| k.word() == word)
    }
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// Asked for, not in the ledger yet. Nobody sees it.
    Initial,
    /// Waits for its payment; gives nothing meanwhile.
    PendingPayment,
    /// Has chances that can be drawn, or a prize that is on its way.
    Effective,
    /// Every chance was drawn, its prize was handed over, or it never gave any chance.
    Used,
    /// What was left was not drawn in time.
    Expired,
    /// Cancelled, not paid in time, or taken back.
    Closed,
}

impl OrderState {
    /// Every state.
    pub const ALL: [OrderState; 6] = {
        use OrderState::*;
        [Initial, PendingPayment, Effective, Used, Expired, Closed]
    };

    /// The word that API and storage use.
    pub fn word(self) -> &'static str {
        match self {
            OrderState::Initial => "initial",
            OrderState::PendingPayment => "pending_payment",
            OrderState::Effective => "effective",
            OrderState::Used => "used",
            OrderState::Expired => "expired",
            OrderState::Closed => "closed",
        }
    }

    /// The state behind a stored word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.word() == word)
    }
}

/// What happens to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderEvent {
    /// Made with something to pay first.
    Bill,
    /// Made, its chances granted.
    Create,
    /// Made without chances: only points came along.
    Fulfil,
    /// Paid in time.
    Pay,
    /// One of its chances was drawn, more are left.
    Use,
    /// The last of its chances was drawn, or its prize was handed over.
    Exhaust,
    /// Its time was over with chances left.
    Expire,
    /// Its shopper gave it up before paying.
    Cancel,
    /// Nobody paid in time.
    TimeOut,
    /// A return took some of its chances back, others are left.
    Reduce,
    /// A return took back all that was left, or what it cost came back since nobody could hand its prize over.
    TakeBack,
    /// Paid when there was nothing to pay any more: the money is owed back, the order stays as it is.
    LatePayment,
}

impl OrderEvent {
    /// Every event.
    pub const ALL: [OrderEvent; 12] = {
        use OrderEvent::*;
        [Bill, Create, Fulfil, Pay, Use, Exhaust, Expire, Cancel, TimeOut, Reduce, TakeBack, LatePayment]
    };

    /// The word that the diagram and errors use.
    pub fn word(self) -> &'static str {
        match self {
            OrderEvent::Bill => "bill",
            OrderEvent::Create => "create",
            OrderEvent::Fulfil => "fulfil",
            OrderEvent::Pay => "pay",
            OrderEvent::Use => "use",
            OrderEvent::Exhaust => "exhaust",
            OrderEvent::Expire => "expire",
            OrderEvent::Cancel => "cancel",
            OrderEvent::TimeOut => "time_out",
            OrderEvent::Reduce => "reduce",
            OrderEvent::TakeBack => "take_back",
            OrderEvent::LatePayment => "late_payment",
        }
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    pub from: OrderState,
    pub event: OrderEvent,
    pub to: OrderState,
}

const fn row(from: OrderState, event: OrderEvent, to: OrderState) -> Transition {
    Transition { from, event, to }
}

/// Every transition there is. What is not here is refused.
pub const TABLE: [Transition; 15] = {
    use OrderEvent as E;
    use OrderState as S;
    [
        row(S::Initial, E::Bill, S::PendingPayment),
        row(S::Initial, E::Create, S::Effective),
        row(S::Initial, E::Fulfil, S::Used),
        row(S::PendingPayment, E::Pay, S::Effective),
        row(S::PendingPayment, E::Cancel, S::Closed),
        row(S::PendingPayment, E::TimeOut, S::Closed),
        row(S::Effective, E::Use, S::Effective),
        row(S::Effective, E::Exhaust, S::Used),
        row(S::Effective, E::Expire, S::Expired),
        row(S::Effective, E::Reduce, S::Effective),
        row(S::Effective, E::TakeBack, S::Closed),
        row(S::Effective, E::LatePayment, S::Effective),
        row(S::Used, E::LatePayment, S::Used),
        row(S::Expired, E::LatePayment, S::Expired),
        row(S::Closed, E::LatePayment, S::Closed),
    ]
};

/// An event that an order's state does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an order that is {} takes no {}", from.word(), event.word())]
pub struct NoTransition {
    pub from: OrderState,
    pub event: OrderEvent,
}

/// The state behind an event.
///
/// # Errors
/// [`NoTransition`] where [`TABLE`] has no such row.
pub fn after(from: OrderState, event: OrderEvent) -> Result<OrderState, NoTransition> {
    let found = TABLE.iter().find(|row| row.from == from && row.event == event);
    found.map(|row| row.to).ok_or(NoTransition { from, event })
}

/// The table as a Mermaid state diagram.
pub fn mermaid() -> String {
    let mut text = String::from("stateDiagram-v2\n    [*] --> initial\n");
    for row in &TABLE {
        text.push_str(&format!("    {} --> {}: {}\n", row.from.word(), row.to.word(), row.event.word()));
    }
    for state in [OrderState::Used, OrderState::Expired, OrderState::Closed] {
        text.push_str(&format!("    {} --> [*]\n", state.word()));
    }
    text
}
