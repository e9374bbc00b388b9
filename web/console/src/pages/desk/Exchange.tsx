import { must, Problem, type Schema } from "@koi/client";
import { Button, Form, Input, InputNumber, Popconfirm, Radio, Select, Space } from "antd";
import { PlusOutlined } from "@ant-design/icons";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { useFilters } from "../../lib/filters";
import { ifMatch, koi, tagged } from "../../lib/koi";
import { compact } from "../../lib/path";
import { useProblemText } from "../../lib/problems";
import { useMay } from "../../lib/session";
import { useTexts } from "../../lib/texts";
import { OWN_ZONE } from "../../lib/zone";
import { Head, Num, ProblemNote, State, Time } from "../../parts/basics";
import { ExchangeOrderList, useChoice } from "../../parts/DeskLists";
import { FormDialog } from "../../parts/FormDialog";
import { ServerTable } from "../../parts/ServerTable";
import { MomentInput, MoneyInput } from "../campaign/design/fields";
import { CampaignSelect } from "../people/acts";

type Item = Schema<"ExchangeItem">;

/** What points buy: chances in a campaign, or a prize; and who bought what. */
export function Exchange() {
  const { t } = useTexts();
  const may = useMay();
  const [{ tab = "items" }] = useFilters(["tab"]);
  const parts = [
    ["items", t("exchange.items")],
    ["orders", t("exchange.orders")],
  ] as const;
  return (
    <>
      <Head title={t("nav.exchange")} note={t("exchange.note")}>
        {tab === "items" && <NewItemButton />}
      </Head>
      {may("shoppers_read") && (
        <nav className="k-tabs" aria-label={t("exchange.parts")}>
          {parts.map(([key, label]) => (
            <Link key={key} to={`?tab=${key}`} className={key === tab ? "active" : ""} aria-current={key === tab ? "page" : undefined}>
              {label}
            </Link>
          ))}
        </nav>
      )}
      {tab === "orders" ? <Orders /> : <Items />}
    </>
  );
}

function NewItemButton() {
  const { t } = useTexts();
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button type="primary" icon={<PlusOutlined />} onClick={() => setOpen(true)}>
        {t("exchange.new")}
      </Button>
      <NewItem isOpen={isOpen} onClose={() => setOpen(false)} />
    </>
  );
}

/** Orders, each by its item's name where that is among the newest ones. */
function Orders() {
  const items = useQuery({ queryKey: ["exchange", "names"], queryFn: ({ signal }) => must(koi.GET("/api/v1/exchange/items", { params: { query: { limit: 200 } }, signal })), staleTime: 60_000 });
  return <ExchangeOrderList nameOf={(id) => items.data?.data.find((item) => item.id === id)?.name} />;
}

function Items() {
  const { t, word } = useTexts();
  const choice = useChoice();
  const queries = useQueryClient();
  const [edited, setEdited] = useState<Item>();
  const retire = useMutation({
    mutationFn: (id: string) => must(koi.POST("/api/v1/exchange/items/{id}/retire", { params: { path: { id } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["exchange"] }),
  });
  return (
    <>
      {retire.error && <ProblemNote error={retire.error} />}
      <ServerTable<Item>
        path="/exchange/items"
        name={["exchange"]}
        label={t("nav.exchange")}
        empty={t("exchange.none")}
        filters={[{ kind: "text", name: "q", label: t("design.prize_name") }, choice("state", t("table.every_state"), "item_state", ["active", "retired"])]}
        rowKey={(row) => row.id}
        columns={[
          { title: t("design.prize_name"), key: "name", sort: "name", className: "k-wrap", render: (_, row) => row.name },
          { title: t("campaign.state"), key: "state", sort: "state", render: (_, row) => <State group="item_state" state={row.state} /> },
          { title: t("exchange.price"), key: "price", sort: "price_points", align: "right", render: (_, row) => <Num value={row.price_points} /> },
          { title: t("exchange.sold"), key: "sold", sort: "sold", align: "right", render: (_, row) => <Num value={row.sold} /> },
          { title: t("report.left"), key: "left", sort: "left", align: "right", render: (_, row) => <Num value={row.left} /> },
          {
            title: t("exchange.gives"),
            key: "gives",
            render: (_, row) =>
              row.gives.prize ? (
                word("kind", row.gives.prize.kind)
              ) : (
                <Link to={`/campaigns/${row.gives.campaign_id}`}>{t("exchange.gives_chances", { count: row.gives.chances ?? 0 })}</Link>
              ),
          },
          { title: t("codes.per_shopper"), key: "per", align: "right", render: (_, row) => (row.per_shopper ? <Num value={row.per_shopper} /> : t("design.unlimited")) },
          { title: t("design.starts_at"), key: "starts", render: (_, row) => <Time at={row.starts_at} /> },
          { title: t("design.ends_at"), key: "ends", sort: "ends_at", render: (_, row) => <Time at={row.ends_at} /> },
          {
            title: t("table.acts"),
            key: "acts",
            render: (_, row) =>
              row.state === "retired" ? null : (
                <Space>
                  <Button size="small" onClick={() => setEdited(row)}>
                    {t("exchange.edit")}
                  </Button>
                  <Popconfirm title={t("exchange.retire_why")} okText={t("exchange.retire")} onConfirm={() => retire.mutate(row.id)}>
                    <Button size="small" danger>
                      {t("exchange.retire")}
                    </Button>
                  </Popconfirm>
                </Space>
              ),
          },
        ]}
      />
      <EditItem key={edited?.id ?? ""} item={edited} onClose={() => setEdited(undefined)} />
    </>
  );
}

interface Given {
  name: string;
  price_points: number;
  stock: number;
  what: "chances" | "prize";
  chances?: number;
  campaign_id?: string;
  prize?: { kind: string; value_cents?: number; cost_cents?: number; category?: string };
  per_shopper?: number | null;
  starts_at?: string | null;
  ends_at?: string | null;
}

function Bounds() {
  const { t } = useTexts();
  const required = { required: true, message: t("common.required") };
  return (
    <>
      <Form.Item name="name" label={t("design.prize_name")} rules={[required]}>
        <Input />
      </Form.Item>
      <div className="k-fields">
        <Form.Item name="price_points" label={t("exchange.price")} rules={[required]}>
          <InputNumber min={1} precision={0} suffix={t("unit.points")} style={{ width: "100%" }} />
        </Form.Item>
        <Form.Item name="stock" label={t("design.stock")} rules={[required]}>
          <InputNumber min={0} precision={0} style={{ width: "100%" }} />
        </Form.Item>
        <Form.Item name="per_shopper" label={t("codes.per_shopper")}>
          <InputNumber min={1} precision={0} placeholder={t("design.unlimited")} style={{ width: "100%" }} />
        </Form.Item>
        <Form.Item name="starts_at" label={t("design.starts_at")}>
          <MomentInput zone={OWN_ZONE} />
        </Form.Item>
        <Form.Item name="ends_at" label={t("design.ends_at")}>
          <MomentInput zone={OWN_ZONE} />
        </Form.Item>
      </div>
    </>
  );
}

function NewItem({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const { t, word } = useTexts();
  const [what, setWhat] = useState<Given["what"]>("chances");
  const required = { required: true, message: t("common.required") };
  return (
    <FormDialog<Given>
      isOpen={isOpen}
      onClose={onClose}
      title={t("exchange.new")}
      ok={t("common.create")}
      refresh={["exchange"]}
      width={620}
      initial={{ what: "chances", chances: 1, stock: 100 }}
      act={({ name, price_points, stock, per_shopper, starts_at, ends_at, chances, campaign_id, prize }) =>
        must(
          koi.POST("/api/v1/exchange/items", {
            body: compact({ name, price_points, stock, per_shopper, starts_at, ends_at, gives: what === "chances" ? { chances, campaign_id } : { prize } }) as unknown as Schema<"ExchangeItemDefinition">,
          }),
        )
      }
    >
      <Bounds />
      <Form.Item name="what" label={t("exchange.gives")}>
        <Radio.Group
          onChange={({ target }) => setWhat(target.value as Given["what"])}
          options={[
            { value: "chances", label: t("exchange.of_chances") },
            { value: "prize", label: t("exchange.of_prize") },
          ]}
        />
      </Form.Item>
      {what === "chances" ? (
        <div className="k-fields">
          <Form.Item name="chances" label={t("codes.chances")} rules={[required]}>
            <InputNumber min={1} precision={0} style={{ width: "100%" }} />
          </Form.Item>
          <Form.Item name="campaign_id" label={t("nav.campaign")} rules={[required]}>
            <CampaignSelect states={["scheduled", "live", "paused"]} />
          </Form.Item>
        </div>
      ) : (
        <div className="k-fields">
          <Form.Item name={["prize", "kind"]} label={t("design.kind")} rules={[required]}>
            <Select options={["goods", "coupon", "balance", "webhook"].map((kind) => ({ value: kind, label: word("kind", kind) }))} />
          </Form.Item>
          <Form.Item name={["prize", "value_cents"]} label={t("design.value")}>
            <MoneyInput currency="CNY" />
          </Form.Item>
          <Form.Item name={["prize", "cost_cents"]} label={t("design.cost")}>
            <MoneyInput currency="CNY" />
          </Form.Item>
          <Form.Item name={["prize", "category"]} label={t("design.category")}>
            <Input />
          </Form.Item>
        </div>
      )}
    </FormDialog>
  );
}

function EditItem({ item, onClose }: { item: Item | undefined; onClose: () => void }) {
  const { t } = useTexts();
  const text = useProblemText();
  if (!item) return null;
  const path = { id: item.id };
  return (
    <FormDialog<Pick<Given, "name" | "price_points" | "stock" | "per_shopper" | "starts_at" | "ends_at">>
      isOpen
      onClose={onClose}
      title={t("exchange.edit_title", { name: item.name })}
      ok={t("common.save")}
      refresh={["exchange"]}
      initial={{ name: item.name, price_points: item.price_points, stock: item.stock, per_shopper: item.per_shopper ?? null, starts_at: item.starts_at ?? null, ends_at: item.ends_at ?? null }}
      act={async (given) => {
        const current = await tagged(koi.GET("/api/v1/exchange/items/{id}", { params: { path } }));
        // Edited by somebody else since this dialog opened: said rather than written over.
        const same = current.value.name === item.name && current.value.price_points === item.price_points && current.value.stock === item.stock;
        if (!same) throw new Problem({ status: 412, code: "stale", detail: text(new Problem({ status: 412, code: "stale" })) });
        await must(koi.PATCH("/api/v1/exchange/items/{id}", { params: { path, ...ifMatch(current.etag) }, body: { ...given, per_shopper: given.per_shopper ?? null, starts_at: given.starts_at ?? null, ends_at: given.ends_at ?? null } as Schema<"EditItem"> }));
      }}
    >
      <Bounds />
    </FormDialog>
  );
}
