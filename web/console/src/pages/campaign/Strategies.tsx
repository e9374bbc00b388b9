import { Button, Card, Input, Tag } from "antd";
import { useTexts } from "../../lib/texts";
import { useFilters } from "../../lib/filters";
import { Num, Time } from "../../parts/basics";
import { ServerTable } from "../../parts/ServerTable";
import { StrategyView } from "../../parts/StrategyView";
import { useCampaign } from "./CampaignFrame";

/** A personal strategy in the list of them. */
interface StrategyRow {
  shopper: string;
  generation: number;
  ready_at?: string | null;
  prizes: string[];
}

/** The strategy of any shopper in this campaign, and all that are personal. */
export function Strategies() {
  const { campaign } = useCampaign();
  const { t } = useTexts();
  const [{ shopper }, set] = useFilters(["shopper"]);
  return (
    <>
      <p className="k-muted">{t("strategy.note")}</p>
      <Input.Search
        key={shopper ?? ""}
        allowClear
        defaultValue={shopper ?? ""}
        placeholder={t("shopper.external_id")}
        aria-label={t("shopper.external_id")}
        onSearch={(value) => set("shopper", value.trim())}
        enterButton={t("shopper.find")}
        style={{ maxWidth: 420, marginBottom: 16 }}
      />
      {shopper && (
        <Card title={shopper} style={{ marginBottom: 16 }}>
          <StrategyView campaign={campaign.id} shopper={shopper} />
        </Card>
      )}
      <ServerTable<StrategyRow>
        path={`/campaigns/${campaign.id}/strategies`}
        name={["campaign", campaign.id, "strategies"]}
        label={t("strategy.personal")}
        empty={t("strategy.none")}
        rowKey={(row) => row.shopper}
        columns={[
          { title: t("table.shopper"), key: "shopper", render: (_, row) => <Button type="link" size="small" style={{ padding: 0 }} onClick={() => set("shopper", row.shopper)}>{row.shopper}</Button> },
          { title: t("strategy.slots"), key: "slots", className: "k-wrap", render: (_, row) => row.prizes.map((prize, index) => <Tag key={`${prize}-${index}`}>{prize}</Tag>) },
          { title: t("strategy.generation"), key: "g", align: "right", render: (_, row) => <Num value={row.generation} /> },
          { title: t("strategy.ready_at"), key: "at", render: (_, row) => <Time at={row.ready_at} /> },
        ]}
      />
    </>
  );
}
