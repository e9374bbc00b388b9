import { must, type Schema } from "@koi/client";
import { App, Button } from "antd";
import { RedoOutlined } from "@ant-design/icons";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { koi } from "../../lib/koi";
import { useProblemText } from "../../lib/problems";
import { useTexts } from "../../lib/texts";
import { Head, Id, Num, State, Time } from "../../parts/basics";
import { useChoice } from "../../parts/DeskLists";
import { ServerTable } from "../../parts/ServerTable";
import { TYPES } from "./Webhooks";

const STATES = ["pending", "parked", "done"] as const;

/** What was sent to the shop, what is being tried again, and what needs somebody. */
export function Deliveries() {
  const { t } = useTexts();
  const choice = useChoice();
  const { message } = App.useApp();
  const text = useProblemText();
  const queries = useQueryClient();
  const replay = useMutation({
    mutationFn: (id: string) => must(koi.POST("/api/v1/deliveries/{id}/replay", { params: { path: { id } } })),
    onSuccess: async () => {
      message.success(t("deliveries.replayed"));
      await queries.invalidateQueries({ queryKey: ["deliveries"] });
    },
    onError: (thrown) => void message.error(text(thrown)),
  });
  return (
    <>
      <Head title={t("nav.deliveries")} note={t("deliveries.note")} />
      <ServerTable<Schema<"Delivery">>
        path="/deliveries"
        name={["deliveries"]}
        label={t("nav.deliveries")}
        empty={t("deliveries.none")}
        everyMs={10_000}
        filters={[choice("state", t("table.every_state"), "delivery_state", STATES), { kind: "choice", name: "type", label: t("deliveries.type"), options: TYPES.map((type) => ({ value: type, label: type })) }]}
        rowKey={(row) => row.id}
        columns={[
          { title: t("table.at"), key: "at", sort: "at", render: (_, row) => <Time at={row.at} /> },
          { title: t("deliveries.type"), key: "type", render: (_, row) => <span className="k-mono">{row.type}</span> },
          { title: t("campaign.state"), key: "state", render: (_, row) => <State group="delivery_state" state={row.state} /> },
          { title: t("deliveries.attempts"), key: "n", sort: "attempts", align: "right", render: (_, row) => <Num value={row.attempts} /> },
          { title: t("deliveries.next_at"), key: "next", sort: "next_at", render: (_, row) => <Time at={row.next_at} /> },
          { title: t("deliveries.problem"), key: "problem", className: "k-wrap", render: (_, row) => row.problem ?? "–" },
          { title: t("deliveries.message"), key: "message", render: (_, row) => <Id value={row.message_id} chars={20} /> },
          {
            title: t("table.acts"),
            key: "acts",
            fixed: "end",
            render: (_, row) =>
              row.state === "done" ? null : (
                <Button size="small" icon={<RedoOutlined aria-hidden />} loading={replay.isPending && replay.variables === row.id} onClick={() => replay.mutate(row.id)}>
                  {t("deliveries.replay")}
                </Button>
              ),
          },
        ]}
      />
    </>
  );
}
