import { AwardList, DrawList, OrderList } from "../../parts/DeskLists";
import { useCampaign } from "./CampaignFrame";

export function Draws() {
  const { campaign } = useCampaign();
  return <DrawList scope={{ campaign_id: campaign.id }} />;
}

export function Awards() {
  const { campaign } = useCampaign();
  return <AwardList scope={{ campaign_id: campaign.id }} prizes={campaign.prizes} />;
}

export function Orders() {
  const { campaign } = useCampaign();
  return <OrderList scope={{ campaign_id: campaign.id }} currency={campaign.currency} />;
}
