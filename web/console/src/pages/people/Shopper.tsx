import { must, type Schema } from "@koi/client";
import { App, Button, Card, Dropdown, Empty, Tag } from "antd";
import { EllipsisOutlined } from "@ant-design/icons";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { useCurrentInView } from "../../lib/in-view";
import { koi } from "../../lib/koi";
import { useProblemText } from "../../lib/problems";
import { useMay } from "../../lib/session";
import { useTexts } from "../../lib/texts";
import { Facts, Head, Id, Num, ProblemNote, State, Tiles, Time } from "../../parts/basics";
import { AwardList, DrawList, OrderList } from "../../parts/DeskLists";
import { Waiting } from "../../parts/Guard";
import { useFilters } from "../../lib/filters";
import { SmallTable } from "../../parts/SmallTable";
import { StrategyView } from "../../parts/StrategyView";
import { Block, CampaignSelect, GivePoints, GrantChances } from "./acts";
import { Events, Points } from "./History";
import { Profile } from "./Profile";

/** One shopper: account, profile, behaviour, draws, what is held against them, and what support can do. */
export function Shopper() {
  const { shopper = "" } = useParams();
  const { t } = useTexts();
  const [{ tab = "account" }] = useFilters(["tab"]);
  const found = useQuery({
    queryKey: ["shopper", shopper, "account"],
    queryFn: ({ signal }) => must(koi.GET("/api/v1/shoppers/{external_id}", { params: { path: { external_id: shopper } }, signal })),
  });
  const parts = useCurrentInView<HTMLElement>(`${tab} ${found.isSuccess}`);
  if (found.error) return <ProblemNote error={found.error} retry={() => void found.refetch()} isPage />;
  if (!found.data) return <Waiting />;
  const account = found.data;
  const scope = { shopper };
  const tabs: [string, string, React.ReactNode][] = [
    ["account", t("shopper.account"), <AccountView key="a" account={account} />],
    ["profile", t("shopper.profile"), <Profile key="p" shopper={shopper} />],
    ["events", t("shopper.behaviour"), <Events key="e" shopper={shopper} />],
    ["draws", t("campaign.draws"), <DrawList key="d" scope={scope} />],
    ["awards", t("shopper.awards"), <AwardList key="w" scope={scope} />],
    ["orders", t("campaign.orders"), <OrderList key="o" scope={scope} />],
    ["points", t("shopper.points"), <Points key="t" shopper={shopper} />],
    ["strategy", t("campaign.strategies"), <Strategy key="s" account={account} />],
  ];
  return (
    <>
      <p style={{ margin: "0 0 6px" }}>
        <Link to="/shoppers">{t("nav.shoppers")}</Link>
      </p>
      <Head title={account.name && account.name !== shopper ? `${account.name} · ${shopper}` : shopper} tags={account.blacklist.length > 0 ? <Tag color="error">{t("shopper.restricted")}</Tag> : null}>
        <Acts shopper={shopper} />
      </Head>
      <nav ref={parts} className="k-tabs" aria-label={t("shopper.parts")}>
        {tabs.map(([key, label]) => (
          <Link key={key} to={`?tab=${key}`} className={key === tab ? "active" : ""} aria-current={key === tab ? "page" : undefined}>
            {label}
          </Link>
        ))}
      </nav>
      {tabs.find(([key]) => key === tab)?.[2]}
    </>
  );
}

function Acts({ shopper }: { shopper: string }) {
  const { t } = useTexts();
  const { modal, message } = App.useApp();
  const text = useProblemText();
  const may = useMay();
  const go = useNavigate();
  const [act, setAct] = useState<"block" | "points" | "chances">();
  const close = () => setAct(undefined);
  const erase = useMutation({
    mutationFn: () => must(koi.DELETE("/api/v1/shoppers/{external_id}", { params: { path: { external_id: shopper } } })),
    onSuccess: () => {
      message.success(t("shopper.erased"));
      return go("/shoppers");
    },
    onError: (thrown) => void message.error(text(thrown)),
  });
  const ask = () => {
    modal.confirm({ title: t("shopper.erase_title", { shopper }), content: t("shopper.erase_why"), okText: t("shopper.erase"), okButtonProps: { danger: true }, onOk: () => erase.mutate() });
  };
  const items = may("shoppers_write")
    ? [
        { key: "export", label: <a href={`/api/v1/shoppers/${encodeURIComponent(shopper)}/export`} download={`${shopper}.json`}>{t("shopper.export")}</a> },
        { key: "erase", label: t("shopper.erase"), danger: true },
      ]
    : [];
  return (
    <>
      {may("grants_create") && <Button onClick={() => setAct("chances")}>{t("shopper.grant")}</Button>}
      {may("points_add") && <Button onClick={() => setAct("points")}>{t("shopper.give_points")}</Button>}
      {may("shoppers_block") && (
        <Button danger onClick={() => setAct("block")}>
          {t("shopper.block")}
        </Button>
      )}
      {items.length > 0 && (
        <Dropdown trigger={["click"]} placement="bottomRight" menu={{ items, onClick: ({ key }) => key === "erase" && ask() }}>
          <Button icon={<EllipsisOutlined />} aria-label={t("campaign.more_acts")} />
        </Dropdown>
      )}
      <GrantChances shopper={shopper} isOpen={act === "chances"} onClose={close} />
      <GivePoints shopper={shopper} isOpen={act === "points"} onClose={close} />
      <Block shopper={shopper} isOpen={act === "block"} onClose={close} />
    </>
  );
}

function AccountView({ account }: { account: Schema<"Account"> }) {
  const { t, word } = useTexts();
  const attributes = Object.entries(account.attributes as Record<string, unknown>);
  return (
    <>
      <Tiles
        tiles={[
          { name: t("shopper.points"), value: <Num value={account.points} />, note: account.held > 0 ? t("shopper.held", { count: account.held }) : undefined },
          { name: t("shopper.risk"), value: <Num value={account.risk.score} />, note: account.risk.flags.length > 0 ? account.risk.flags.join(", ") : undefined },
          { name: t("nav.campaigns"), value: <Num value={account.campaigns.length} /> },
        ]}
      />
      <div className="k-grid">
        <Card title={t("shopper.standing")} style={{ "--span": 8 } as React.CSSProperties}>
          <SmallTable
            label={t("shopper.standing")}
            rowKey="campaign_id"
            dataSource={account.campaigns}
            locale={{ emptyText: <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t("common.nothing")} /> }}
            columns={[
              { title: t("nav.campaign"), key: "c", className: "k-wrap", render: (_, row) => <Link to={`/campaigns/${row.campaign_id}`}>{row.name ?? row.campaign_id}</Link> },
              { title: t("campaign.state"), key: "s", render: (_, row) => (row.state ? <State group="campaign_state" state={row.state} /> : "–") },
              { title: t("report.chances"), key: "g", align: "right", render: (_, row) => <Num value={row.chances.granted} /> },
              { title: t("codes.used"), key: "u", align: "right", render: (_, row) => <Num value={row.chances.used} /> },
              { title: t("report.left"), key: "l", align: "right", render: (_, row) => <Num value={row.chances.left} /> },
              { title: t("shopper.today"), key: "t", align: "right", render: (_, row) => <Num value={row.drawn_today} /> },
              { title: t("shopper.streak"), key: "k", align: "right", render: (_, row) => <Num value={row.streak} /> },
            ]}
          />
        </Card>
        <div style={{ "--span": 4, display: "grid", gap: 16, alignContent: "start" } as React.CSSProperties}>
          <Card title={t("shopper.block")}>
            {account.blacklist.length === 0 ? (
              <span className="k-muted">{t("shopper.not_restricted")}</span>
            ) : (
              <ul className="k-findings">
                {account.blacklist.map((one, index) => (
                  <li key={`${one.campaign_id ?? ""}-${index}`}>
                    <Tag color="error">{word("block_mode", one.mode ?? "refuse")}</Tag>
                    <div>
                      {one.reason}
                      <div className="k-muted">
                        {one.campaign_id ?? t("shopper.all_campaigns")} · {one.until ? <Time at={one.until} /> : t("operators.for_ever")}
                      </div>
                    </div>
                  </li>
                ))}
              </ul>
            )}
          </Card>
          <Card title={t("campaign.facts")}>
            <Facts
              facts={[
                [t("shopper.external_id"), <Id key="e" value={account.external_id} />],
                ["ID", <Id key="i" value={account.id} />],
                [t("shopper.registered_at"), <Time key="r" at={account.registered_at} />],
                ...attributes.map(([name, value]): [string, React.ReactNode] => [name, <span key={name} className="k-mono">{typeof value === "string" ? value : JSON.stringify(value)}</span>]),
              ]}
            />
          </Card>
        </div>
      </div>
    </>
  );
}

function Strategy({ account }: { account: Schema<"Account"> }) {
  const { t } = useTexts();
  const [campaign, setCampaign] = useState(account.campaigns[0]?.campaign_id);
  return (
    <>
      <div style={{ maxWidth: 420, marginBottom: 16 }}>
        <CampaignSelect {...(campaign === undefined ? {} : { value: campaign })} onChange={setCampaign} states={["scheduled", "live", "paused", "ended"]} />
      </div>
      {campaign ? <StrategyView campaign={campaign} shopper={account.external_id} /> : <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t("shopper.choose_campaign")} />}
    </>
  );
}
