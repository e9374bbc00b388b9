import { must, type Schema } from "@koi/client";
import { ArrowDownOutlined, ArrowUpOutlined, MinusOutlined } from "@ant-design/icons";
import { Button, Card, Empty, Progress, Tag } from "antd";
import { useMutation } from "@tanstack/react-query";
import { koi } from "../../lib/koi";
import { percent } from "../../../../shared/format";
import { useMay } from "../../lib/session";
import { useTexts } from "../../lib/texts";
import { Facts, Money, ProblemNote, Time } from "../../parts/basics";
import { SmallTable } from "../../parts/SmallTable";

type Profile = Schema<"Profile">;
const span = (columns: number) => ({ "--span": columns }) as React.CSSProperties;
/** Steps of recency, frequency and money. */
const STEPS = 5;

/** Who this shopper is: the paragraph, the segments, what they will likely do, what they like and what they pay. */
export function Persona({ profile }: { profile: Profile }) {
  return (
    <div className="k-grid">
      <InWords profile={profile} />
      <Outlook profile={profile} />
      <Rfm profile={profile} />
      <Tastes profile={profile} />
      <Habits profile={profile} />
    </div>
  );
}

/** The paragraph made of facts; on request a language model's, which learns nothing personal. */
function InWords({ profile }: { profile: Profile }) {
  const { t, word, language } = useTexts();
  const may = useMay();
  const ask = useMutation({
    mutationFn: () => must(koi.POST("/api/v1/shoppers/{external_id}/persona", { params: { path: { external_id: profile.shopper } }, body: { language } })),
  });
  const shown = ask.data ?? { text: language === "zh" ? profile.persona.zh : profile.persona.en, source: "facts" };
  const button = may("shoppers_read") && (
    <Button size="small" loading={ask.isPending} onClick={() => ask.mutate()}>
      {t("persona.in_words")}
    </Button>
  );
  return (
    <Card title={t("persona.title")} extra={button} style={span(8)}>
      {ask.error && <ProblemNote error={ask.error} />}
      <p className="k-persona">{shown.text}</p>
      <div className="k-tags">
        {profile.segments.map((name) => (
          <Tag key={name} color="processing">
            {name}
          </Tag>
        ))}
        <span className="k-muted">{word("persona_source", shown.source)}</span>
      </div>
    </Card>
  );
}

function Outlook({ profile }: { profile: Profile }) {
  const { t, language } = useTexts();
  const rows = [
    [t("persona.buys"), profile.buys_within_30_days],
    [t("persona.churn"), profile.churn_risk],
  ] as const;
  return (
    <Card title={t("persona.outlook")} style={span(4)}>
      {rows.map(([name, value]) => (
        <div key={name} className="k-likely">
          <span>{name}</span>
          <strong className="k-num">{value ? percent(value, language) : "–"}</strong>
          <Progress percent={value ? Math.round(100 * Number(value)) : 0} showInfo={false} size="small" aria-label={name} />
        </div>
      ))}
      {!profile.buys_within_30_days && !profile.churn_risk && <p className="k-muted">{t("persona.too_young")}</p>}
    </Card>
  );
}

function Rfm({ profile }: { profile: Profile }) {
  const { t, word } = useTexts();
  const { rfm } = profile;
  const steps = rfm ? ([["recency", rfm.recency], ["frequency", rfm.frequency], ["monetary", rfm.monetary]] as const) : [];
  return (
    <Card title={t("persona.rfm")} extra={rfm && <Tag color="success">{word("rfm_segment", rfm.segment)}</Tag>} style={span(4)}>
      {!rfm && <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t("persona.nothing_bought")} />}
      <dl className="k-steps">
        {steps.map(([name, step]) => (
          <div key={name}>
            <dt>{t(`persona.${name}`)}</dt>
            <dd>
              <span className="k-step-bar" aria-hidden>
                {Array.from({ length: STEPS }, (_, index) => (
                  <i key={index} data-on={index < step} />
                ))}
              </span>
              <span className="k-num">{`${step} / ${STEPS}`}</span>
            </dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}

const TRENDS: Record<string, React.ReactNode> = {
  rising: <ArrowUpOutlined aria-hidden />,
  falling: <ArrowDownOutlined aria-hidden />,
  steady: <MinusOutlined aria-hidden />,
};

function Tastes({ profile }: { profile: Profile }) {
  const { t, word, language } = useTexts();
  const pays = new Map(profile.willingness_to_pay.map((one) => [one.category, one]));
  return (
    <Card title={t("persona.tastes")} style={span(8)}>
      <SmallTable
        label={t("persona.tastes")}
        rowKey="category"
        dataSource={profile.tastes}
        locale={{ emptyText: <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t("common.nothing")} /> }}
        columns={[
          { title: t("design.category"), dataIndex: "category" },
          { title: t("persona.share"), key: "share", align: "right", render: (_, row) => <span className="k-num">{percent(row.share, language)}</span> },
          { title: t("persona.trend"), key: "trend", render: (_, row) => <span>{TRENDS[row.trend]} {word("trend", row.trend)}</span> },
          { title: t("persona.usually_pays"), key: "median", align: "right", render: (_, row) => <Money cents={pays.get(row.category)?.median_cents} /> },
          { title: t("persona.pays_up_to"), key: "high", align: "right", render: (_, row) => <Money cents={pays.get(row.category)?.high_cents} /> },
        ]}
      />
    </Card>
  );
}

function Habits({ profile }: { profile: Profile }) {
  const { t, word, language } = useTexts();
  const times = profile.favourite_times;
  const day = (weekday: number) => new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en-GB", { weekday: "long", timeZone: "UTC" }).format(new Date(Date.UTC(2024, 0, weekday)));
  return (
    <>
      <Card title={t("persona.habits")} style={span(4)}>
        <Facts
          facts={[
            [t("persona.favourite_time"), times ? `${day(times.weekday)} ${String(times.hour).padStart(2, "0")}:00 – ${String((times.hour + 3) % 24).padStart(2, "0")}:00` : "–"],
            [t("persona.channel"), profile.channel ? word("channel", profile.channel) : "–"],
            [t("persona.price_sensitivity"), profile.price_sensitivity === null || profile.price_sensitivity === undefined ? "–" : percent(profile.price_sensitivity, language)],
          ]}
        />
      </Card>
      <Card title={t("persona.cycles")} style={span(4)}>
        {profile.repeat_cycles.length === 0 && <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t("persona.no_cycles")} />}
        <ul className="k-next">
          {profile.repeat_cycles.map((one) => (
            <li key={one.sku}>
              <strong>{one.name}</strong>
              <span className="k-muted">
                {t("persona.every", { count: one.days })} {one.next_at && <>· {t("persona.again_at")} <Time at={one.next_at} /></>}
              </span>
            </li>
          ))}
        </ul>
      </Card>
      <Card title={t("persona.interests")} style={span(4)}>
        {profile.interests.length === 0 && <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t("persona.no_interests")} />}
        <ul className="k-next">
          {profile.interests.map((one) => (
            <li key={one.sku}>
              <strong>{one.name}</strong>
              <span className="k-muted">{word("because", one.because)}</span>
            </li>
          ))}
        </ul>
      </Card>
    </>
  );
}
