import { Button, Empty, Select, Table, type TableProps } from "antd";
import { LeftOutlined, ReloadOutlined, RightOutlined } from "@ant-design/icons";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState, type ReactNode } from "react";
import { useSearchParams } from "react-router";
import { useTexts } from "../lib/texts";
import { ProblemNote } from "./basics";

export interface Page<Row> {
  data: Row[];
  next_cursor?: string | null;
}

interface Props<Row> {
  /** What is listed; with the filters, the query's key. */
  name: readonly unknown[];
  /** Says to who cannot see it which table this is. */
  label: string;
  load: (ask: { limit: number; cursor?: string }, signal: AbortSignal) => Promise<Page<Row>>;
  columns: NonNullable<TableProps<Row>["columns"]>;
  rowKey: (row: Row) => string;
  empty?: ReactNode;
  filters?: ReactNode;
  /** Asked for again so often, in milliseconds. */
  everyMs?: number;
  expandable?: TableProps<Row>["expandable"];
}

const SIZES = [20, 50, 100, 200];

/** A list that the server pages: back and forth by its cursors, as many rows as wanted. */
export function ServerTable<Row extends object>({ name, label, load, columns, rowKey, empty, filters, everyMs, expandable }: Props<Row>) {
  const { t } = useTexts();
  const [size, setSize] = useState(SIZES[0] as number);
  const key = JSON.stringify([name, size]);
  const [trail, setTrail] = useState<{ key: string; cursors: string[] }>({ key, cursors: [] });
  // Another question starts on its first page.
  const cursors = trail.key === key ? trail.cursors : [];
  const cursor = cursors.at(-1);
  const found = useQuery({
    queryKey: [...name, "page", size, cursor ?? null],
    queryFn: ({ signal }) => load({ limit: size, ...(cursor === undefined ? {} : { cursor }) }, signal),
    placeholderData: keepPreviousData,
    ...(everyMs === undefined ? {} : { refetchInterval: everyMs }),
  });
  const frame = useScrollable(label, found.data);
  const next = found.data?.next_cursor;
  return (
    <section aria-label={label}>
      {filters && <div className="k-filters">{filters}</div>}
      {found.error && <ProblemNote error={found.error} retry={() => void found.refetch()} />}
      <div ref={frame}>
        <Table<Row>
          className="k-table"
          size="middle"
          columns={columns}
          dataSource={found.data?.data ?? []}
          rowKey={rowKey}
          loading={found.isPending || found.isPlaceholderData}
          pagination={false}
          scroll={{ x: "max-content" }}
          locale={{ emptyText: found.error ? " " : <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={empty ?? t("common.nothing")} /> }}
          {...(expandable ? { expandable } : {})}
        />
      </div>
      <nav className="k-pager" aria-label={t("table.pages")}>
        <Button icon={<ReloadOutlined aria-hidden />} type="text" aria-label={t("common.refresh")} onClick={() => void found.refetch()} loading={found.isFetching} />
        <Select
          value={size}
          onChange={setSize}
          aria-label={t("table.size")}
          options={SIZES.map((value) => ({ value, label: t("table.rows", { count: value }) }))}
          popupMatchSelectWidth={false}
        />
        <span className="k-num">{t("table.page", { page: cursors.length + 1 })}</span>
        <Button icon={<LeftOutlined aria-hidden />} aria-label={t("table.previous")} disabled={cursors.length === 0} onClick={() => setTrail({ key, cursors: cursors.slice(0, -1) })} />
        <Button icon={<RightOutlined aria-hidden />} aria-label={t("table.next")} disabled={!next} onClick={() => next && setTrail({ key, cursors: [...cursors, next] })} />
      </nav>
    </section>
  );
}

/** A wide table scrolls by keyboard too: its frame takes the focus and says what it is (WCAG 2.1.1). */
export function useScrollable(label: string, of: unknown) {
  const frame = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (of === undefined) return;
    for (const node of frame.current?.querySelectorAll<HTMLElement>(".ant-table-content, .ant-table-body") ?? []) {
      node.tabIndex = 0;
      node.setAttribute("role", "group");
      node.setAttribute("aria-label", label);
    }
  }, [label, of]);
  return frame;
}

/** Filters that live in the address, so that a reload, a link and the way back keep them. */
export function useFilters<Name extends string>(names: readonly Name[]): [Partial<Record<Name, string>>, (name: Name, value: string | null | undefined) => void] {
  const [params, setParams] = useSearchParams();
  const values = Object.fromEntries(names.flatMap((name) => (params.get(name) ? [[name, params.get(name)]] : []))) as Partial<Record<Name, string>>;
  const set = (name: Name, value: string | null | undefined) =>
    setParams(
      (before) => {
        const after = new URLSearchParams(before);
        if (value) after.set(name, value);
        else after.delete(name);
        return after;
      },
      { replace: true },
    );
  return [values, set];
}
