import { must, Problem, type Schema } from "@koi/client";
import { App, Button, Card, Empty } from "antd";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { koi } from "../../lib/koi";
import { useProblemText } from "../../lib/problems";
import { useMay } from "../../lib/session";
import { useTexts } from "../../lib/texts";
import { Facts, Id, Num, ProblemNote, State, Time } from "../../parts/basics";
import { ShopperLink, useChoice } from "../../parts/DeskLists";
import { Waiting } from "../../parts/Guard";
import { ServerTable } from "../../parts/ServerTable";
import { useCampaign } from "./CampaignFrame";

/** The entry drawing of a campaign that is over: made once, recomputable by anyone. */
export function Drawing() {
  const { campaign } = useCampaign();
  const { t } = useTexts();
  const choice = useChoice();
  const { message } = App.useApp();
  const text = useProblemText();
  const may = useMay();
  const queries = useQueryClient();
  const path = { id: campaign.id };
  // Before its end there is none, and a campaign without one is not asked about.
  const isOver = campaign.entry != null && (campaign.state === "ended" || campaign.state === "archived");
  const found = useQuery({ queryKey: ["campaign", campaign.id, "drawing"], enabled: isOver, queryFn: ({ signal }) => must(koi.GET("/api/v1/campaigns/{id}/drawing", { params: { path }, signal })) });
  const make = useMutation({
    mutationFn: () => must(koi.POST("/api/v1/campaigns/{id}/drawing", { params: { path } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["campaign", campaign.id, "drawing"] }),
    onError: (thrown) => void message.error(text(thrown)),
  });
  if (isOver && found.isPending) return <Waiting />;
  if (found.error && Problem.from(found.error).status !== 404 && Problem.from(found.error).status !== 409) return <ProblemNote error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) {
    return (
      <Empty description={t("drawing.none")}>
        {isOver && campaign.state === "ended" && may("campaigns_end") && (
          <Button type="primary" loading={make.isPending} onClick={() => make.mutate()}>
            {t("drawing.make")}
          </Button>
        )}
      </Empty>
    );
  }
  const drawing = found.data;
  return (
    <>
      <Card title={t("drawing.title")} extra={<State group="drawing_state" state={drawing.state} />} style={{ marginBottom: 16 }}>
        <Facts
          facts={[
            [t("drawing.made_at"), <Time key="m" at={drawing.made_at} zone={campaign.time_zone ?? "UTC"} />],
            [t("drawing.prize"), campaign.prizes.find((prize) => prize.code === drawing.prize)?.name ?? drawing.prize],
            [t("drawing.holders"), <Num key="h" value={drawing.holders} />],
            [t("drawing.tickets"), <Num key="t" value={drawing.tickets} />],
            [t("drawing.winners"), <span key="w"><Num value={drawing.given} /> / <Num value={drawing.winners} /></span>],
            [t("drawing.alternates"), <Num key="a" value={drawing.alternates} />],
            [t("drawing.list_hash"), <Id key="l" value={drawing.list_hash} />],
            [t("campaign.seed_hash"), <Id key="s" value={drawing.seed_hash} />],
          ]}
        />
        <p style={{ marginBottom: 0 }}>
          <Button href={`/api/v1/campaigns/${campaign.id}/drawing/proof`} target="_blank" rel="noopener">
            {t("drawing.proof")}
          </Button>
        </p>
      </Card>
      <ServerTable<Schema<"EntryWinner">>
        path={`/campaigns/${campaign.id}/drawing/winners`}
        name={["campaign", campaign.id, "drawing", "winners"]}
        label={t("drawing.winners")}
        filters={[{ kind: "text", name: "shopper", label: t("shopper.external_id") }, choice("state", t("table.every_state"), "award_state", ["granting", "granted", "failed", "claimed", "expired"])]}
        rowKey={(row) => String(row.rank)}
        columns={[
          { title: t("drawing.rank"), key: "rank", sort: "rank", align: "right", render: (_, row) => <Num value={row.rank + 1} /> },
          { title: t("table.shopper"), key: "shopper", sort: "shopper", render: (_, row) => <ShopperLink shopper={row.shopper} /> },
          { title: t("campaign.state"), key: "state", sort: "state", render: (_, row) => <State group="award_state" state={row.state} /> },
          { title: "ID", key: "id", render: (_, row) => <Id value={row.award_id} /> },
        ]}
      />
    </>
  );
}
