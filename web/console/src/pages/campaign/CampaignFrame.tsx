import { must, Problem } from "@koi/client";
import { App, Button, Dropdown } from "antd";
import { EllipsisOutlined } from "@ant-design/icons";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, NavLink, Outlet, useLocation, useNavigate, useOutletContext, useParams } from "react-router";
import { useCurrentInView } from "../../lib/in-view";
import { koi, tagged, type Tagged } from "../../lib/koi";
import { useProblemText } from "../../lib/problems";
import { useMay } from "../../lib/session";
import { useTexts, type TextKey } from "../../lib/texts";
import { Waiting } from "../../parts/Guard";
import { Head, ProblemNote, State, Time } from "../../parts/basics";
import type { Campaign } from "./design/definition";
import { Publish } from "./Publish";

export interface InCampaign {
  campaign: Campaign;
  etag: string | undefined;
}

/** The campaign that a tab is about. */
export const useCampaign = () => useOutletContext<InCampaign>();

export const campaignKey = (id: string) => ["campaign", id] as const;

const TABS: { path: string; text: TextKey }[] = [
  { path: "", text: "campaign.overview" },
  { path: "design", text: "campaign.design" },
  { path: "flow", text: "campaign.flow" },
  { path: "rehearse", text: "campaign.rehearse" },
  { path: "versions", text: "campaign.versions" },
  { path: "rules", text: "campaign.rules" },
  { path: "draws", text: "campaign.draws" },
  { path: "awards", text: "campaign.awards" },
  { path: "orders", text: "campaign.orders" },
  { path: "strategies", text: "campaign.strategies" },
  { path: "drawing", text: "campaign.drawing" },
  { path: "codes", text: "campaign.codes" },
  { path: "coupons", text: "campaign.coupons" },
  { path: "refunds", text: "campaign.refunds" },
];

/** Acts by the states that allow them; the server's table is the one that counts. */
const ACTS: Record<string, string[]> = {
  pause: ["live", "scheduled"],
  resume: ["paused"],
  end: ["scheduled", "live", "paused"],
  archive: ["draft", "ended"],
};

/** One campaign: its state, what can be done with it, and the tabs. */
export function CampaignFrame() {
  const { id = "" } = useParams();
  const { t } = useTexts();
  const found = useQuery({
    queryKey: campaignKey(id),
    queryFn: ({ signal }): Promise<Tagged<Campaign>> => tagged(koi.GET("/api/v1/campaigns/{id}", { params: { path: { id } }, signal })),
    refetchInterval: 30_000,
  });
  if (found.error) return <ProblemNote error={found.error} retry={() => void found.refetch()} isPage />;
  if (!found.data) return <Waiting />;
  const { value: campaign, etag } = found.data;
  return (
    <>
      <p style={{ margin: "0 0 6px" }}>
        <Link to="/campaigns">{t("nav.campaigns")}</Link>
      </p>
      <Head
        title={campaign.name}
        tags={<State group="campaign_state" state={campaign.state} />}
        note={
          <>
            <Time at={campaign.starts_at} zone={campaign.time_zone ?? "UTC"} /> – <Time at={campaign.ends_at} zone={campaign.time_zone ?? "UTC"} /> · {campaign.time_zone}
          </>
        }
      >
        <Acts campaign={campaign} />
      </Head>
      <CampaignTabs />
      <Outlet context={{ campaign, etag } satisfies InCampaign} />
    </>
  );
}

/** The pages of a campaign. Links, not tabs: each has an address of its own. */
function CampaignTabs() {
  const { t } = useTexts();
  const { id = "" } = useParams();
  const tabs = useCurrentInView<HTMLElement>(useLocation().pathname);
  return (
    <nav ref={tabs} className="k-tabs" aria-label={t("campaign.tabs")}>
      {TABS.map((tab) => (
        <NavLink key={tab.path} to={`/campaigns/${id}${tab.path === "" ? "" : `/${tab.path}`}`} end={tab.path === ""}>
          {t(tab.text)}
        </NavLink>
      ))}
    </nav>
  );
}

function Acts({ campaign }: { campaign: Campaign }) {
  const { t } = useTexts();
  const { modal, message } = App.useApp();
  const text = useProblemText();
  const may = useMay();
  const go = useNavigate();
  const queries = useQueryClient();
  const [isPublishing, setPublishing] = useState(false);
  const path = { id: campaign.id };
  const act = useMutation({
    mutationFn: async (verb: string): Promise<Campaign> => {
      const params = { path };
      switch (verb) {
        case "pause":
          return must(koi.POST("/api/v1/campaigns/{id}/pause", { params }));
        case "resume":
          return must(koi.POST("/api/v1/campaigns/{id}/resume", { params }));
        case "end":
          return must(koi.POST("/api/v1/campaigns/{id}/end", { params }));
        case "archive":
          return must(koi.POST("/api/v1/campaigns/{id}/archive", { params }));
        default:
          return must(koi.POST("/api/v1/campaigns/{id}/copy", { params }));
      }
    },
    onSuccess: async (after, verb) => {
      message.success(t("common.done"));
      if (verb === "copy") return go(`/campaigns/${after.id}/design`);
      await queries.invalidateQueries({ queryKey: campaignKey(campaign.id) });
      return queries.invalidateQueries({ queryKey: ["campaigns"] });
    },
    onError: (thrown) => {
      const problem = Problem.from(thrown);
      if (problem.code !== "reauthentication_required") message.error(text(thrown));
    },
  });
  const ask = (verb: "end" | "archive" | "pause") =>
    modal.confirm({
      title: t(`campaign.${verb}_title`),
      content: t(`campaign.${verb}_why`),
      okText: t(`campaign.${verb}`),
      okButtonProps: { danger: verb !== "pause" },
      onOk: () => act.mutateAsync(verb).catch(() => undefined),
    });
  const can = (verb: string) => ACTS[verb]?.includes(campaign.state) ?? false;
  const items = [
    ...(may("campaigns_edit") ? [{ key: "copy", label: t("campaign.copy") }] : []),
    ...(can("end") && may("campaigns_end") ? [{ key: "end", label: t("campaign.end"), danger: true }] : []),
    ...(can("archive") && may("campaigns_end") ? [{ key: "archive", label: t("campaign.archive"), danger: true }] : []),
  ];
  return (
    <>
      {campaign.state === "draft" && may("campaigns_publish") && (
        <Button type="primary" onClick={() => setPublishing(true)}>
          {t("campaign.publish")}
        </Button>
      )}
      {can("pause") && may("campaigns_publish") && <Button onClick={() => ask("pause")}>{t("campaign.pause")}</Button>}
      {can("resume") && may("campaigns_publish") && (
        <Button type="primary" loading={act.isPending} onClick={() => act.mutate("resume")}>
          {t("campaign.resume")}
        </Button>
      )}
      {items.length > 0 && (
        <Dropdown trigger={["click"]} placement="bottomRight" menu={{ items, onClick: ({ key }) => (key === "copy" ? act.mutate("copy") : ask(key as "end" | "archive")) }}>
          <Button icon={<EllipsisOutlined />} aria-label={t("campaign.more_acts")} />
        </Dropdown>
      )}
      <Publish campaign={campaign} isOpen={isPublishing} onClose={() => setPublishing(false)} />
    </>
  );
}
