import { must, type Schema } from "@koi/client";
import { App, Button, Card, Empty, Tag } from "antd";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo } from "react";
import { number, percent } from "../../../../shared/format";
import { koi } from "../../lib/koi";
import { useProblemText } from "../../lib/problems";
import { useMay } from "../../lib/session";
import { useTexts } from "../../lib/texts";
import { Head, Num, ProblemNote, State, Tiles, Time } from "../../parts/basics";
import { Chart } from "../../parts/Chart";
import { Waiting } from "../../parts/Guard";
import { ServerTable } from "../../parts/ServerTable";
import { SmallTable } from "../../parts/SmallTable";
import { reliabilityOption } from "./reliability";

type Model = Schema<"Model">;
/** From here on the population stability index says that shoppers buy other things than the model learned from. */
const MUCH_DRIFT = 0.25;

/** Versions of the recommendation model, how each compared with the one before, which one serves; and what stated probabilities are worth. */
export function Models() {
  const { t } = useTexts();
  const { modal, message } = App.useApp();
  const text = useProblemText();
  const may = useMay();
  const queries = useQueryClient();
  const activate = useMutation({
    mutationFn: (version: number) => must(koi.POST("/api/v1/models/{version}/activate", { params: { path: { version } } })),
    onSuccess: async () => {
      message.success(t("common.done"));
      await queries.invalidateQueries({ queryKey: ["models"] });
    },
    onError: (thrown) => void message.error(text(thrown)),
  });
  const ask = (version: number) => modal.confirm({ title: t("models.activate_title", { version }), content: t("models.activate_why"), okText: t("models.activate"), onOk: () => activate.mutateAsync(version).catch(() => undefined) });
  return (
    <>
      <Head title={t("nav.models")} note={t("models.note")} />
      <ServerTable<Model>
        path="/models"
        name={["models"]}
        label={t("nav.models")}
        empty={t("models.none")}
        rowKey={(row) => String(row.version)}
        expandable={{ expandedRowRender }}
        columns={[
          { title: t("versions.version"), key: "v", sort: "version", render: (_, row) => <span className="k-num">{`v${row.version}`}</span> },
          { title: t("models.model"), key: "model", render: (_, row) => <span className="k-mono">{row.model}</span> },
          { title: t("campaign.state"), key: "state", sort: "state", render: (_, row) => <ModelState model={row} /> },
          { title: t("models.fitted_at"), key: "at", sort: "fitted_at", render: (_, row) => <Time at={row.fitted_at} /> },
          { title: t("nav.shoppers"), key: "shoppers", align: "right", render: (_, row) => <Num value={row.shoppers} /> },
          { title: t("models.baskets"), key: "baskets", align: "right", render: (_, row) => <Num value={row.baskets} /> },
          { title: t("models.items"), key: "items", align: "right", render: (_, row) => <Num value={row.items} /> },
          { title: t("models.ndcg"), key: "ndcg", align: "right", render: (_, row) => (row.comparison ? <Change before={row.comparison.old_ndcg} after={row.comparison.new_ndcg} /> : "–") },
          { title: t("models.drift"), key: "drift", sort: "drift", align: "right", render: (_, row) => <Drift value={row.drift} /> },
          {
            title: t("table.acts"),
            key: "acts",
            render: (_, row) =>
              row.state === "in_service" || !may("campaigns_publish") ? null : (
                <Button size="small" loading={activate.isPending && activate.variables === row.version} onClick={() => ask(row.version)}>
                  {t("models.activate")}
                </Button>
              ),
          },
        ]}
      />
      <Reliability />
    </>
  );
}

const expandedRowRender = (row: Model) => <Compared model={row} />;

function ModelState({ model }: { model: Model }) {
  const { t } = useTexts();
  return (
    <>
      <State group="model_state" state={model.state} /> {model.held && <Tag color="processing">{t("models.held")}</Tag>}
    </>
  );
}

function Drift({ value }: { value: number | null | undefined }) {
  if (value === null || value === undefined) return <>–</>;
  return value >= MUCH_DRIFT ? <Tag color="warning">{value.toFixed(3)}</Tag> : <span className="k-num">{value.toFixed(3)}</span>;
}

function Change({ before, after }: { before: number; after: number }) {
  const { language } = useTexts();
  const change = before > 0 ? after / before - 1 : 0;
  return (
    <span className="k-num">
      {after.toFixed(4)} <small className="k-muted">{`${change >= 0 ? "+" : "−"}${percent(Math.abs(change), language)}`}</small>
    </span>
  );
}

/** The evaluation of a version beside the one that was in service then. */
function Compared({ model }: { model: Model }) {
  const { t, language } = useTexts();
  const { comparison } = model;
  if (!comparison) return <span className="k-muted">{t("models.no_comparison")}</span>;
  const rows = [
    { measure: `${t("models.recall")}@10`, before: comparison.old_recall, after: comparison.new_recall },
    { measure: `${t("models.ndcg")}@10`, before: comparison.old_ndcg, after: comparison.new_ndcg },
  ];
  return (
    <div style={{ maxWidth: 640 }}>
      <p className="k-muted" style={{ marginTop: 0 }}>
        {t("models.compared_on", { count: number(comparison.shoppers, language) })}
      </p>
      <SmallTable
        label={t("models.comparison")}
        rowKey="measure"
        dataSource={rows}
        columns={[
          { title: t("models.measure"), dataIndex: "measure" },
          { title: t("models.before"), key: "b", align: "right", render: (_, row) => <span className="k-num">{row.before.toFixed(4)}</span> },
          { title: t("models.after"), key: "a", align: "right", render: (_, row) => <span className="k-num">{row.after.toFixed(4)}</span> },
          { title: t("models.change"), key: "c", align: "right", render: (_, row) => <Change before={row.before} after={row.after} /> },
        ]}
      />
    </div>
  );
}

/** What the choice model's probabilities are worth: measures, and stated against observed. */
function Reliability() {
  const { t, language } = useTexts();
  const found = useQuery({ queryKey: ["reliability"], queryFn: ({ signal }) => must(koi.GET("/api/v1/choices/reliability", { signal })) });
  const option = useMemo(() => reliabilityOption(found.data?.bins ?? [], { stated: t("models.stated"), observed: t("models.observed"), questions: t("models.questions") }), [found.data, t]);
  if (found.error) return <ProblemNote error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <Waiting />;
  const { n, hit_at_1, log_loss, ece, brier, learned_from, fitted_at, bins } = found.data;
  return (
    <Card title={t("models.reliability")} style={{ marginTop: 24 }}>
      <p className="k-muted" style={{ marginTop: 0 }}>
        {t("models.reliability_note")} {n > 0 && <>{t("models.fitted_at")} <Time at={fitted_at} /></>}
      </p>
      {n === 0 ? (
        <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t("models.reliability_none")} />
      ) : (
        <>
          <Tiles
            tiles={[
              { name: t("models.questions"), value: <Num value={n} />, note: t("models.learned_from", { count: number(learned_from, language) }) },
              { name: "hit@1", value: percent(hit_at_1, language) },
              { name: "log loss", value: log_loss.toFixed(4) },
              { name: "ECE", value: ece.toFixed(4) },
              { name: "Brier", value: brier.toFixed(4) },
            ]}
          />
          <div className="k-pair">
            <Chart option={option} height={340} label={t("models.reliability")} />
            <SmallTable
              label={t("models.reliability")}
              rowKey="from"
              dataSource={bins.map((bin, place) => ({ ...bin, from: place / bins.length })).filter((bin) => bin.n > 0)}
              columns={[
                { title: t("models.stated"), key: "s", align: "right", render: (_, row) => <span className="k-num">{percent(row.stated, language)}</span> },
                { title: t("models.observed"), key: "o", align: "right", render: (_, row) => <span className="k-num">{percent(row.observed, language)}</span> },
                { title: t("models.questions"), key: "n", align: "right", render: (_, row) => <Num value={row.n} /> },
              ]}
            />
          </div>
        </>
      )}
    </Card>
  );
}
