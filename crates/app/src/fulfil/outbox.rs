//! Messages are written beside the rows that they tell of, in projection's own transaction: none can be lost between the
//! two, and none tells of something that did not happen.

use super::{MessageType, Subscribed};
use crate::ports::NewDelivery;
use crate::rows::{AwardRow, Projected};
use domain::award::AwardState;
use domain::ids::{AwardId, CampaignId, ShopperId};

/// How many rows of each kind a batch held before a record was taken in.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    draws: usize,
    awards: usize,
    moves: usize,
    orders: usize,
    order_moves: usize,
}

impl Seen {
    /// Of a batch as it is now.
    pub fn of(batch: &Projected) -> Self {
        let (draws, awards) = (batch.draws.len(), batch.awards.len());
        let (moves, orders) = (batch.award_moves.len(), batch.orders.len());
        Self { draws, awards, moves, orders, order_moves: batch.order_moves.len() }
    }
}

/// Writes what the record that was just taken in tells the shop, and to whom; awards that somebody must fulfil
/// whether or not anybody listens.
pub fn post(batch: &mut Projected, seen: Seen, at_ms: i64, to: &Subscribed) {
    let mut posted = Vec::new();
    for award in &batch.awards[seen.awards..] {
        if award.birth.is_open() && !award.held {
            posted.push(fulfil(award));
        }
        to.post(&mut posted, MessageType::AwardUpdated, || {
            updated(award.id, award.state, award.campaign, award.shopper, at_ms)
        });
    }
    for moved in &batch.award_moves[seen.moves..] {
        // The campaign is the award's own row's; a message only needs to name the award.
        to.post(&mut posted, MessageType::AwardUpdated, || {
            updated(moved.award, moved.state, CampaignId(0), moved.shopper, at_ms)
        });
    }
    for draw in &batch.draws[seen.draws..] {
        to.post(&mut posted, MessageType::DrawResult, || NewDelivery {
            endpoint: None,
            message: format!("draw_{}", draw.id),
            kind: MessageType::DrawResult,
            campaign: draw.campaign,
            shopper: draw.shopper,
            award: None,
            // The draw's object is the ledger's own; a copy of every draw would be twice the rows.
            data: serde_json::json!({"id": draw.id, "offset": draw.offset}).to_string(),
            at_ms,
        });
    }
    for order in &batch.orders[seen.orders..] {
        to.post(&mut posted, MessageType::OrderUpdated, || {
            let state = order.state.word();
            let data = serde_json::json!({
                "id": order.id, "campaign_id": (order.campaign.0 != 0).then_some(order.campaign), "kind": order.kind.word(), "state": state,
                "chances": order.chances, "reason": order.reason,
            });
            NewDelivery {
                endpoint: None,
                message: format!("order_{}_{state}", order.id),
                kind: MessageType::OrderUpdated,
                campaign: order.campaign,
                shopper: order.shopper,
                award: None,
                data: data.to_string(),
                at_ms,
            }
        });
    }
    for moved in &batch.order_moves[seen.order_moves..] {
        // The rest stands in the message that told of its making.
        to.post(&mut posted, MessageType::OrderUpdated, || NewDelivery {
            endpoint: None,
            message: format!("order_{}_{}", moved.order, moved.state.word()),
            kind: MessageType::OrderUpdated,
            campaign: CampaignId(0),
            shopper: moved.shopper,
            award: None,
            data: serde_json::json!({"id": moved.order, "state": moved.state.word()}).to_string(),
            at_ms,
        });
    }
    batch.deliveries.append(&mut posted);
}

/// The delivery that fulfils an award. There is one for each, whatever makes it.
pub fn fulfil(award: &AwardRow) -> NewDelivery {
    NewDelivery {
        endpoint: None,
        message: format!("award_{}", award.id),
        kind: MessageType::AwardFulfil,
        campaign: award.campaign,
        shopper: award.shopper,
        award: Some(award.id),
        data: state_of(award.id, AwardState::Granting),
        at_ms: award.at_ms,
    }
}

fn updated(award: AwardId, state: AwardState, campaign: CampaignId, shopper: ShopperId, at_ms: i64) -> NewDelivery {
    NewDelivery {
        endpoint: None,
        message: format!("award_{award}_{}", state.word()),
        kind: MessageType::AwardUpdated,
        campaign,
        shopper,
        award: Some(award),
        data: state_of(award, state),
        at_ms,
    }
}

fn state_of(award: AwardId, state: AwardState) -> String {
    serde_json::json!({"id": award, "state": state}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fulfil::Subscriptions;
    use crate::ports::Endpoint;
    use domain::ids::{DrawId, EndpointId};

    fn endpoint(id: u64, types: &[MessageType]) -> Endpoint {
        Endpoint {
            id: EndpointId(id),
            url: String::new(),
            types: types.to_vec(),
            secrets: Vec::new(),
            created_at_ms: 0,
        }
    }

    fn won(id: u64, birth: AwardState) -> AwardRow {
        AwardRow {
            id: AwardId(id),
            shopper: ShopperId(1),
            campaign: CampaignId(2),
            draw: DrawId(3),
            order: None,
            rules: 1,
            prize: 0,
            points: 0,
            birth,
            state: birth,
            at_ms: 5,
            claim_by_ms: None,
            held: false,
        }
    }

    #[test]
    fn every_open_award_is_posted_once_and_told_to_those_who_listen() {
        use MessageType::{AwardFulfil, AwardUpdated, DrawResult};
        let subscriptions = Subscriptions::default();
        subscriptions.set(vec![endpoint(7, &[AwardUpdated]), endpoint(8, &[DrawResult, AwardUpdated, AwardFulfil])]);
        let mut batch = Projected::default();
        batch.awards.push(won(1, AwardState::Granting));
        let seen = Seen::of(&batch);
        batch.awards.extend([won(2, AwardState::Granting), won(3, AwardState::Granted)]);
        post(&mut batch, seen, 5, &subscriptions.now());
        let got: Vec<(Option<u64>, &str)> =
            batch.deliveries.iter().map(|d| (d.endpoint.map(|e| e.0), d.message.as_str())).collect();
        assert_eq!(
            got,
            [
                (None, "award_2"),
                (Some(7), "award_2_granting"),
                (Some(8), "award_2_granting"),
                (Some(7), "award_3_granted"),
                (Some(8), "award_3_granted"),
            ],
            "only what the last record added; fulfilment goes to nobody yet"
        );
    }

    #[test]
    fn without_listeners_only_open_awards_are_posted() {
        let mut batch = Projected::default();
        let seen = Seen::of(&batch);
        batch.awards.extend([won(2, AwardState::Granting), won(3, AwardState::Granted)]);
        post(&mut batch, seen, 5, &Subscriptions::default().now());
        assert_eq!(batch.deliveries.len(), 1);
        assert_eq!(batch.deliveries[0].data, r#"{"id":"2","state":"granting"}"#);
    }
}
