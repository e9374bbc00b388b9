import { must, type Schema } from "@koi/client";
import { Alert, Button, Empty } from "antd";
import { useQuery } from "@tanstack/react-query";
import { koi } from "../../lib/koi";
import { useTexts } from "../../lib/texts";
import { ProblemNote } from "../../parts/basics";
import { Waiting } from "../../parts/Guard";
import { RulesShown } from "../../parts/RulesShown";
import { useCampaign } from "./CampaignFrame";

/** The rules as shoppers read them, and what is announced; of a draft, as they would be. */
export function RulesPage() {
  const { campaign, etag } = useCampaign();
  const { t, language } = useTexts();
  const isPublished = campaign.rules_version > 0;
  const path = { id: campaign.id };
  const found = useQuery({
    queryKey: ["campaign", campaign.id, "rules", etag],
    queryFn: async ({ signal }): Promise<Schema<"PublishedRules"> | null> => {
      if (isPublished) return must(koi.GET("/api/v1/campaigns/{id}/rules", { params: { path }, headers: { accept: "application/json" }, signal }));
      const checked = await must(koi.POST("/api/v1/campaigns/{id}/check", { params: { path }, body: {}, signal }));
      return checked.rules ?? null;
    },
  });
  if (found.error) return <ProblemNote error={found.error} retry={() => void found.refetch()} />;
  if (found.data === undefined) return <Waiting />;
  if (found.data === null) return <Empty description={t("rules.not_sound")} />;
  const open = (
    <Button href={`/api/v1/campaigns/${campaign.id}/rules?lang=${language}`} target="_blank" rel="noopener">
      {t("rules.open_page")}
    </Button>
  );
  return (
    <>
      {!isPublished && <Alert type="info" showIcon title={t("rules.not_published")} style={{ marginBottom: 16 }} />}
      <RulesShown rules={found.data} extra={isPublished ? open : null} />
    </>
  );
}
