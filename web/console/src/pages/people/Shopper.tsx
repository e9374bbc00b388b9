import { must, type Schema } from "@koi/client";
import { Button, Card, Empty, Tabs, Tag } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useParams } from "react-router";
import { koi } from "../../lib/koi";
import { useMay } from "../../lib/session";
import { useTexts } from "../../lib/texts";
import { Facts, Head, Id, Money, Num, ProblemNote, State, Tiles, Time } from "../../parts/basics";
import { Waiting } from "../../parts/Guard";
import { ServerTable } from "../../parts/ServerTable";
import { Block, GivePoints, GrantChances } from "./acts";
import { SmallTable } from "../../parts/SmallTable";

/** One shopper: what they bought, what they won, what is held against them, and what support can do. */
export function Shopper() {
  const { shopper = "" } = useParams();
  const { t } = useTexts();
  const may = useMay();
  const [act, setAct] = useState<"block" | "points" | "chances">();
  const close = () => setAct(undefined);
  return (
    <>
      <p style={{ margin: "0 0 6px" }}>
        <Link to="/shoppers">{t("nav.shoppers")}</Link>
      </p>
      <Head title={shopper}>
        {may("grants_create") && <Button onClick={() => setAct("chances")}>{t("shopper.grant")}</Button>}
        {may("points_add") && <Button onClick={() => setAct("points")}>{t("shopper.give_points")}</Button>}
        {may("shoppers_block") && (
          <Button danger onClick={() => setAct("block")}>
            {t("shopper.block")}
          </Button>
        )}
      </Head>
      <Tabs
        items={[
          { key: "profile", label: t("shopper.profile"), children: <Profile shopper={shopper} /> },
          { key: "awards", label: t("shopper.awards"), children: <Awards shopper={shopper} /> },
        ]}
      />
      <GrantChances shopper={shopper} isOpen={act === "chances"} onClose={close} />
      <GivePoints shopper={shopper} isOpen={act === "points"} onClose={close} />
      <Block shopper={shopper} isOpen={act === "block"} onClose={close} />
    </>
  );
}

function Profile({ shopper }: { shopper: string }) {
  const { t } = useTexts();
  const path = { external_id: shopper };
  const found = useQuery({ queryKey: ["shopper", shopper, "profile"], queryFn: ({ signal }) => must(koi.GET("/api/v1/shoppers/{external_id}/profile", { params: { path }, signal })) });
  const next = useQuery({
    queryKey: ["shopper", shopper, "recommendations"],
    queryFn: ({ signal }) => must(koi.GET("/api/v1/shoppers/{external_id}/recommendations", { params: { path, query: { limit: 10 } }, signal })),
    enabled: found.isSuccess,
  });
  if (found.error) return <ProblemNote error={found.error} retry={() => void found.refetch()} isPage />;
  if (!found.data) return <Waiting />;
  const profile = found.data;
  return (
    <>
      <Tiles
        tiles={[
          { name: t("shopper.orders"), value: <Num value={profile.orders} />, note: t("shopper.returns", { count: profile.returns }) },
          { name: t("shopper.spend"), value: <Money cents={profile.spend_cents} /> },
          { name: t("shopper.recency"), value: profile.recency_days === null || profile.recency_days === undefined ? "–" : t("shopper.days", { count: profile.recency_days }) },
          { name: t("shopper.band"), value: <Money cents={profile.price_band.mean_cents} />, note: <><Money cents={profile.price_band.min_cents} /> – <Money cents={profile.price_band.max_cents} /></> },
        ]}
      />
      <div className="k-grid">
        <Card title={t("shopper.behaviour")} style={{ "--span": 4 } as React.CSSProperties}>
          <Facts
            facts={[
              [t("shopper.first_at"), <Time key="f" at={profile.first_at} />],
              [t("shopper.last_at"), <Time key="l" at={profile.last_at} />],
              [t("shopper.last_purchase_at"), <Time key="p" at={profile.last_purchase_at} />],
              [t("shopper.views"), <Num key="v" value={profile.views} />],
              [t("shopper.searches"), <Num key="s" value={profile.searches} />],
              [t("shopper.reviews"), <Num key="r" value={profile.reviews} />],
              [t("shopper.sign_ins"), <Num key="i" value={profile.sign_ins} />],
            ]}
          />
          <div style={{ marginTop: 16, display: "flex", flexWrap: "wrap", gap: 6 }}>
            {profile.categories.map((one) => (
              <Tag key={one.category}>
                {one.category} · <Num value={one.quantity} />
              </Tag>
            ))}
          </div>
        </Card>
        <Card title={t("shopper.repeat_items")} style={{ "--span": 4 } as React.CSSProperties}>
          <SmallTable
            label={t("shopper.repeat_items")}
            rowKey="sku"
            dataSource={profile.repeat_items}
            scroll={{ x: "max-content", y: 320 }}
            locale={{ emptyText: <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t("common.nothing")} /> }}
            columns={[
              { title: t("shopper.product"), dataIndex: "name", className: "k-wrap" },
              { title: t("shopper.orders"), key: "o", align: "right", render: (_, row) => <Num value={row.orders} /> },
              { title: t("shopper.last_at"), key: "l", render: (_, row) => <Time at={row.last_at} /> },
            ]}
          />
        </Card>
        <Card title={t("shopper.next")} style={{ "--span": 4 } as React.CSSProperties}>
          {next.error && <ProblemNote error={next.error} />}
          <ol className="k-next">
            {next.data?.data.map((one) => (
              <li key={one.sku}>
                <strong>{one.name}</strong>
                <span className="k-muted">{one.reason}</span>
              </li>
            ))}
          </ol>
        </Card>
      </div>
    </>
  );
}

function Awards({ shopper }: { shopper: string }) {
  const { t, word } = useTexts();
  return (
    <ServerTable<Schema<"Award">>
      name={["shopper", shopper, "awards"]}
      label={t("shopper.awards")}
      load={(query, signal) => must(koi.GET("/api/v1/shoppers/{external_id}/awards", { params: { path: { external_id: shopper }, query }, signal }))}
      rowKey={(row) => row.id}
      columns={[
        { title: t("table.at"), key: "at", render: (_, row) => <Time at={row.at} /> },
        { title: t("design.prize_name"), key: "prize", className: "k-wrap", render: (_, row) => row.prize.name },
        { title: t("design.kind"), key: "kind", render: (_, row) => word("kind", row.prize.kind) },
        { title: t("campaign.state"), key: "state", render: (_, row) => <State group="award_state" state={row.state} /> },
        { title: t("shopper.claim_by"), key: "by", render: (_, row) => <Time at={row.claim_by} /> },
        { title: t("nav.campaign"), key: "campaign", render: (_, row) => <Link to={`/campaigns/${row.campaign_id}`}>{row.campaign_id}</Link> },
        { title: "ID", key: "id", render: (_, row) => <Id value={row.id} /> },
      ]}
    />
  );
}
