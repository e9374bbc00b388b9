import { Card, Empty, Input } from "antd";
import { useTexts } from "../../lib/texts";
import { useFilters } from "../../lib/filters";
import { StrategyView } from "../../parts/StrategyView";
import { useCampaign } from "./CampaignFrame";

/** The strategy of any shopper in this campaign. */
export function Strategies() {
  const { campaign } = useCampaign();
  const { t } = useTexts();
  const [{ shopper }, set] = useFilters(["shopper"]);
  return (
    <>
      <p className="k-muted">{t("strategy.note")}</p>
      <Input.Search
        key={shopper ?? ""}
        defaultValue={shopper ?? ""}
        placeholder={t("shopper.external_id")}
        aria-label={t("shopper.external_id")}
        onSearch={(value) => set("shopper", value.trim())}
        enterButton={t("shopper.find")}
        style={{ maxWidth: 420, marginBottom: 16 }}
      />
      {shopper ? (
        <Card title={shopper}>
          <StrategyView campaign={campaign.id} shopper={shopper} />
        </Card>
      ) : (
        <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t("strategy.choose")} />
      )}
    </>
  );
}
