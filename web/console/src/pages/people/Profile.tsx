import { must } from "@koi/client";
import { Card, Empty, Tag } from "antd";
import { useQuery } from "@tanstack/react-query";
import { reasonText } from "../../../../shared/reasons";
import { koi } from "../../lib/koi";
import { useTexts } from "../../lib/texts";
import { Facts, Money, Num, ProblemNote, Tiles, Time } from "../../parts/basics";
import { Waiting } from "../../parts/Guard";
import { SmallTable } from "../../parts/SmallTable";
import { Persona } from "./Persona";

/** What a shopper's behaviour says about them, and what they will likely buy next. */
export function Profile({ shopper }: { shopper: string }) {
  const { t, language } = useTexts();
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
      <Persona profile={profile} />
      <div className="k-grid" style={{ marginTop: 16 }}>
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
                <span className="k-muted">{reasonText(one.reason, language)}</span>
              </li>
            ))}
          </ol>
        </Card>
      </div>
    </>
  );
}
